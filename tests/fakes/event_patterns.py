"""Which events a rule of the template takes: EventBridge's matching, as far as the template uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.template import RESOURCES


@dataclass(frozen=True)
class Rule:
    """``queues``: the logical ids of its targets. ``is_default``: whether it listens on the account's own bus."""

    name: str
    pattern: Mapping[str, Any]
    queues: tuple[str, ...]
    is_default: bool


def rules(parameters: Mapping[str, str]) -> Iterator[Rule]:
    """The template's rules over events; ``parameters``: what its ``!Ref`` stand for."""
    for name, resource in RESOURCES.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in properties:
            queues = tuple(target["Arn"]["Fn::GetAtt"].removesuffix(".Arn") for target in properties["Targets"])
            pattern = _resolved(properties["EventPattern"], parameters)
            yield Rule(name, pattern, queues, "EventBusName" not in properties)


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Every key of the pattern holds; an operator that is not known here is an error, not a miss."""
    return all(_holds(wanted, event.get(key)) for key, wanted in pattern.items())


def _holds(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and matches(wanted, found)
    values = found if isinstance(found, list) else [found]
    return any(_is(one, value) for one in wanted for value in values)


def _is(wanted: Any, value: Any) -> bool:
    match wanted:
        case {"prefix": str(prefix)}:
            return isinstance(value, str) and value.startswith(prefix)
        case {"exists": bool(exists)}:
            return (value is not None) == exists
        case Mapping():
            raise NotImplementedError(f"the pattern {wanted} is not known here")
    return bool(wanted == value)


def _resolved(value: Any, parameters: Mapping[str, str]) -> Any:
    match value:
        case {"Ref": str(name)}:
            return parameters[name]
        case Mapping():
            return {key: _resolved(one, parameters) for key, one in value.items()}
        case list():
            return [_resolved(one, parameters) for one in value]
    return value
