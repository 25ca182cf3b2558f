# ruff: noqa: SLF001 # ministack has no door for what is to be added to it
"""The emulator's application with what AWS has and ministack 1.5 has not; it runs in ministack's own environment.

Permissions of an event bus in a template, ``Fn::Join`` in its conditions, ``aws:PrincipalArn`` as the ARN of a role
whose session calls, and condition keys: by which algorithm KMS signs, and in which partitions of a table DynamoDB reads
or writes items.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from ministack.app import app

__all__ = ["app"]

_buses: Any = importlib.import_module("ministack.services.eventbridge")
_tables: Any = importlib.import_module("ministack.services.dynamodb")
_iam: Any = importlib.import_module("ministack.services.iam")
_actions: Any = importlib.import_module("ministack.core.iam_actions")
_evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
_provisioners: Any = importlib.import_module("ministack.services.cloudformation.provisioners")
_deployers: list[Any] = [
    importlib.import_module(f"ministack.services.cloudformation.{name}")
    for name in ("engine", "changesets", "handlers", "stacks")
]


def _create(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    """Kept with the bus, and told by DescribeEventBus: in one account, nobody needs it to put events."""
    _keep(properties, [{"Sid": properties["StatementId"], **properties["Statement"]}])
    return f"{stack_name}-{logical_id}", {}


def _update(
    physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any], _stack_name: str
) -> tuple[str, dict[str, str]]:
    _keep(old, [])
    _keep(new, [{"Sid": new["StatementId"], **new["Statement"]}])
    return physical_id, {}


def _delete(_physical_id: str, properties: Mapping[str, Any]) -> None:
    _keep(properties, [])


def _keep(properties: Mapping[str, Any], statements: list[Any]) -> None:
    """These, instead of those that the bus has under the same id."""
    bus = properties.get("EventBusName", "default")
    standing = (_buses._event_bus_policies.get(bus) or {}).get("Statement", [])
    others = [one for one in standing if one["Sid"] != properties["StatementId"]]
    _buses._event_bus_policies[bus] = {"Version": "2012-10-17", "Statement": [*others, *statements]}


def _condition_key(key: str, context: Any) -> Any:
    value = _resolve_as_it_is(key, context)
    is_session = key.lower() == "aws:principalarn" and ":assumed-role/" in str(value)
    return _role_arn(value) if is_session else value


def _role_arn(session_arn: str) -> str:
    account, name = session_arn.split(":")[4], session_arn.split("/")[1]
    role = _iam._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else session_arn


def _request_context(service: str, action: str, body: bytes, parameters: Mapping[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = _request_context_as_it_is(service, action, body, parameters)
    if action in {"kms:Sign", "kms:Verify"}:
        context["kms:SigningAlgorithm"] = json.loads(body).get("SigningAlgorithm")
    return context


def _dynamodb_context(body: bytes) -> dict[str, Any]:
    asked, context = json.loads(body or b"{}"), dict(_dynamodb_context_as_it_is(body))
    each = [asked, *(one for item in asked.get("TransactItems", []) for one in item.values())]
    if keys := sorted({key for one in each for key in _partition(one)}):
        context["dynamodb:LeadingKeys"] = keys
    return context


def _partition(asked: Mapping[str, Any]) -> list[str]:
    """Of the one item that is named, where one is."""
    table = _tables._tables.get(str(asked.get("TableName")).rpartition("/")[2])
    named = asked.get("Key") or asked.get("Item") or {}
    return [str(value) for value in named.get(table["pk_name"], {}).values()] if table else []


def _evaluate_conditions(template: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, bool]:
    """Left as it is, a list that is joined to see whether it is empty would never be."""
    conditions = _joined(template.get("Conditions", {}), parameters)
    evaluated: dict[str, bool] = _evaluate_as_it_is({**template, "Conditions": conditions}, parameters)
    return evaluated


def _joined(node: Any, parameters: Mapping[str, Any]) -> Any:
    match node:
        case {"Fn::Join": [separator, {"Ref": name}]} if name in parameters:
            return separator.join(parameters[name]["Value"].split(","))
        case dict():
            return {key: _joined(value, parameters) for key, value in node.items()}
        case list():
            return [_joined(value, parameters) for value in node]
    return node


_evaluate_as_it_is = _deployers[0]._evaluate_conditions
for _deployer in _deployers:
    _deployer._evaluate_conditions = _evaluate_conditions
_dynamodb_context_as_it_is = _actions.dynamodb_service_context
_actions.dynamodb_service_context = _dynamodb_context
_request_context_as_it_is = _actions.request_tag_context
_actions.request_tag_context = _request_context
_resolve_as_it_is = _evaluator._resolve_condition_key
_evaluator._resolve_condition_key = _condition_key
_provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {
    "create": _create,
    "update": _update,
    "delete": _delete,
}
