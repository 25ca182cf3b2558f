"""Which events a rule of the template takes: EventBridge's matching, as far as the template uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import eq, ge, gt, le, lt
from typing import Any

from tests.fakes.template import deployed

_COMPARISONS = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True)
class Rule:
    """``queues``: the logical ids of its targets; ``buses``: the ARNs of those that are other lanes' buses.

    ``is_default``: whether it listens on the account's own bus.
    """

    name: str
    pattern: Mapping[str, Any]
    queues: tuple[str, ...]
    is_default: bool
    buses: tuple[str, ...] = ()


def rules(parameters: Mapping[str, str]) -> Iterator[Rule]:
    """The rules over events of a stack with these parameters; ``SourceBucket`` may be one of them."""
    for name, resource in deployed(parameters).items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in properties:
            targets = [target["Arn"] for target in properties["Targets"]]
            queues = tuple(one["Fn::GetAtt"].removesuffix(".Arn") for one in targets if not isinstance(one, str))
            buses = tuple(one for one in targets if isinstance(one, str))
            yield Rule(name, properties["EventPattern"], queues, "EventBusName" not in properties, buses)


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
        case {"wildcard": str(shape)}:
            return isinstance(value, str) and fnmatchcase(value, shape)
        case {"numeric": [str(comparison), int(limit)]}:
            return isinstance(value, int) and _COMPARISONS[comparison](value, limit)
        case Mapping():
            raise NotImplementedError(f"the pattern {wanted} is not known here")
    return bool(wanted == value)
