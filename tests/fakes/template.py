"""The template as plain values, with CloudFormation's short forms as their long ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ACCOUNT = "111122223333"
_NOTHING = {"Ref": "AWS::NoValue"}


class _Loader(yaml.SafeLoader):
    """Reads ``!Ref x`` as ``{"Ref": "x"}``."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.ScalarNode():
            value: Any = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type] # the third kind of node
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)

TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # a loader of plain values
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


def registry_table(name: str) -> dict[str, Any]:
    """The arguments of ``create_table`` for the registry as the template has it."""
    properties = RESOURCES["Registry"]["Properties"]
    kept = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {"TableName": name, **{key: properties[key] for key in kept}}


def deployed(parameters: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The resources of a stack with these parameters, of the others their defaults: conditions and ``!If`` decided.

    A name in ``parameters`` may also be a resource's, for what ``!Ref`` gives of it. What is neither stays as it is.
    """
    return _deployed(frozenset(parameters.items()))


@cache
def _deployed(parameters: frozenset[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    stack = _Stack(dict(parameters))
    return {
        name: stack.resolved(resource)
        for name, resource in RESOURCES.items()
        if "Condition" not in resource or stack.holds(resource["Condition"])
    }


class _Stack:
    def __init__(self, parameters: Mapping[str, str]) -> None:
        declared = {name: one["Default"] for name, one in TEMPLATE["Parameters"].items() if "Default" in one}
        given: dict[str, Any] = {"AWS::AccountId": ACCOUNT, **declared, **parameters}
        lists = (name for name, one in TEMPLATE["Parameters"].items() if one["Type"] == "CommaDelimitedList")
        self._values = given | {name: [one.strip() for one in str(given[name]).split(",")] for name in lists}

    def holds(self, condition: str) -> bool:
        return bool(self._decided(TEMPLATE["Conditions"][condition]))

    def resolved(self, value: Any) -> Any:
        match value:
            case {"Ref": str(name)}:
                return self._values.get(name, value)
            case {"Fn::If": [str(condition), there, otherwise]}:
                return self.resolved(there if self.holds(condition) else otherwise)
            case dict():
                return {key: self.resolved(one) for key, one in value.items() if one != _NOTHING}
            case list():
                return [one for one in map(self.resolved, value) if one != _NOTHING]
        return value

    def _decided(self, function: dict[str, Any]) -> Any:
        match function:
            case {"Condition": str(name)}:
                return self.holds(name)
            case {"Fn::Not": [one]}:
                return not self._decided(one)
            case {"Fn::And": several}:
                return all(map(self._decided, several))
            case {"Fn::Or": several}:
                return any(map(self._decided, several))
            case {"Fn::Equals": [one, other]}:
                return self._value(one) == self._value(other)
        raise NotImplementedError(f"the condition {function} is not known here")

    def _value(self, value: Any) -> Any:
        match value:
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self._value(parts))
        return self.resolved(value)
