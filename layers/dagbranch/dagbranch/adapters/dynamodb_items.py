"""The registry's items: what DynamoDB keeps of an environment, of its history and of a lease, and what is read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from pydantic import TypeAdapter

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import pull_request_key
from dagbranch.errors import UpstreamError

EVENT: Final = "event#"  # begins the sort key of a line of history
_ENDED: Final = frozenset({Status.REMOVED, Status.REFUSED})
KEPT_FOR: Final = timedelta(days=90)  # after its last write
_RECORD: Final = TypeAdapter(Environment)
_READ: Final = TypeDeserializer()
_WRITE: Final = TypeSerializer()

type Item = dict[str, Any]


def index_key(repository: str, pull_number: int) -> str:
    return f"{repository.lower()}#{pull_number}"


def item_of(environment: Environment) -> Item:
    record = json.loads(_RECORD.dump_json(environment), parse_float=Decimal)
    record["pk"] = pull_request_key(environment.repository_id, environment.pull_number)
    record["sk"] = "state"
    record["pull"] = index_key(environment.repository, environment.pull_number)
    record["guard"] = None if environment.guard is None else str(environment.guard)
    return wire(record | _expiring(environment))


def history_of(environment: Environment, event: str) -> Item:
    line = {
        "pk": pull_request_key(environment.repository_id, environment.pull_number),
        "sk": f"{EVENT}{environment.updated_at.isoformat()}#{environment.revision:06d}",
        "event": event,
        "status": str(environment.status),
        "head_sha": environment.head_sha,
        "generation": environment.generation,
        "delivery": environment.delivery,
        "message": environment.message,
    }
    return wire(line | _expiring(environment))


def expiry_of(environment: Environment) -> int | None:
    """When DynamoDB may drop it and its history, in seconds since 1970; None while there is more to come."""
    if environment.status not in _ENDED:
        return None
    return seconds_of(environment.updated_at + KEPT_FOR)


def seconds_of(time: datetime) -> int:
    return int(time.timestamp())


def environment_of(item: Mapping[str, Any]) -> Environment:
    """Also of an item that was written when there were fewer fields, or others.

    Raises UpstreamError for what is no environment: without it, a list would not be complete.
    """
    values = values_of(item)
    guard = values.get("guard")
    try:
        return _RECORD.validate_python({**values, "guard": None if guard is None else DataGuard.parse(guard)})
    except ValueError as error:
        raise UpstreamError(f"the registry's item {values.get('pk')} cannot be read: {error}") from error


def values_of(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(_READ.deserialize(value)) for name, value in item.items()}


def wire(values: Mapping[str, Any]) -> Item:
    return {name: _WRITE.serialize(value) for name, value in values.items()}


def _expiring(environment: Environment) -> dict[str, int]:
    expiry = expiry_of(environment)
    return {} if expiry is None else {"expires_at": expiry}


def _plain(value: Any) -> Any:
    """DynamoDB's numbers as Python's, so that what was read can be JSON again."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
