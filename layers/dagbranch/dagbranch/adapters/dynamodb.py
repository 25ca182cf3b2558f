"""The registry: one DynamoDB table with environments, their claims on names and their history.

Items: ``pk=repo#<id>#pull#<number>``, ``sk=state`` the environment, ``sk=event#<time>#<revision>`` a line of its
history; ``pk=name#<environment>``, ``sk=claim`` who has the name; ``pk=repo#<id>``, ``sk=columns#<table>`` the
columns that a masked table had. The index ``environments`` finds an environment by its lane and its repository's name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError
from pydantic import TypeAdapter

from dagbranch.adapters.aws_errors import code_of, translated
from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import name_key, pull_request_key, repository_key
from dagbranch.errors import NotOursError, TransientUpstreamError, UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX: Final = "environments"
_HISTORY_IS_KEPT_FOR = timedelta(days=90)
_MOST_UPDATES: Final = 30  # two halves, a verification, a removal, and a worker for each of some tables
_COLUMNS: Final = "columns#"
_RECORD = TypeAdapter(Environment)

type _Item = dict[str, Any]


class DynamoDbRegistry:
    """Every write is conditional on the revision that was read, and carries its line of history with it."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, repository_id: int, pull_number: int) -> Environment | None:
        key = _wire({"pk": pull_request_key(repository_id, pull_number), "sk": "state"})
        with translated("reading the registry"):
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return _environment(answer["Item"]) if "Item" in answer else None

    def find(self, lane: str, repository: str, pull_number: int) -> Environment | None:
        """The index may lag behind by moments; what it finds is read again consistently."""
        values = _wire({":lane": lane, ":pull": _index_key(repository, pull_number)})
        with translated("searching the registry"):
            answer = self._client.query(
                TableName=self._table,
                IndexName=INDEX,
                KeyConditionExpression="#lane = :lane AND #pull = :pull",
                ExpressionAttributeNames={"#lane": "lane", "#pull": "pull"},
                ExpressionAttributeValues=values,
            )
        found = [_environment(item) for item in answer["Items"]]
        newest = max(found, key=lambda one: one.updated_at, default=None)
        return None if newest is None else self.get(newest.repository_id, newest.pull_number)

    def all(self, lane: str) -> Iterator[Environment]:
        with translated("listing the registry"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=INDEX,
                KeyConditionExpression="#lane = :lane",
                ExpressionAttributeNames={"#lane": "lane"},
                ExpressionAttributeValues=_wire({":lane": lane}),
            )
            for page in pages:
                yield from map(_environment, page["Items"])

    def claim(self, environment: Environment, names: Iterable[str], event: str) -> Environment:
        for name in names:
            named = replace(environment, name=name)
            owner = pull_request_key(named.repository_id, named.pull_number)
            claim = {
                "Put": {
                    "TableName": self._table,
                    "Item": _wire({"pk": name_key(name), "sk": "claim", "owner": owner}),
                    "ConditionExpression": "attribute_not_exists(pk) OR #owner = :owner",
                    "ExpressionAttributeNames": {"#owner": "owner"},
                    "ExpressionAttributeValues": _wire({":owner": owner}),
                }
            }
            try:
                return self._write(named, event, claim)
            except _ClaimLostError:
                continue
        raise NotOursError(
            f"no name is free for {environment.branch} of {environment.repository}#{environment.pull_number}: "
            "files of these names, which are not dagbranch's, lie in the dags folder"
        )

    def save(self, environment: Environment, event: str) -> Environment:
        return self._write(environment, event)

    def update(self, environment: Environment, change: Callable[[Environment], Environment], event: str) -> Environment:
        for attempt in range(_MOST_UPDATES):
            newest = self.get(environment.repository_id, environment.pull_number)
            if newest is None:
                raise TransientUpstreamError(f"the registry has no item for {environment.name}")
            try:
                return self._write(change(newest), event)
            except TransientUpstreamError:
                if attempt == _MOST_UPDATES - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def release(self, environment: Environment, event: str) -> Environment:
        if environment.name is None:
            return self._write(environment, event)
        freed = {
            "Delete": {
                "TableName": self._table,
                "Key": _wire({"pk": name_key(environment.name), "sk": "claim"}),
                "ConditionExpression": "attribute_not_exists(pk) OR #owner = :owner",
                "ExpressionAttributeNames": {"#owner": "owner"},
                "ExpressionAttributeValues": _wire(
                    {":owner": pull_request_key(environment.repository_id, environment.pull_number)}
                ),
            }
        }
        try:
            return self._write(environment, event, freed)
        except _ClaimLostError as error:
            raise UpstreamError(f"the name {environment.name} is claimed by another pull request") from error

    def known_columns(self, repository_id: int, tables: Collection[str]) -> Mapping[str, frozenset[str]]:
        """One question, whatever the number of tables: they all lie in the repository's partition."""
        with translated("reading known columns"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :columns)",
                ExpressionAttributeValues=_wire({":pk": repository_key(repository_id), ":columns": _COLUMNS}),
                ConsistentRead=True,
            )
            found = [_values(item) for page in pages for item in page["Items"]]
        known = {one["sk"].removeprefix(_COLUMNS): frozenset(one["columns"]) for one in found}
        return {table: known[table] for table in tables if table in known}

    def remember_columns(self, repository_id: int, columns: Mapping[str, frozenset[str]]) -> None:
        for table, names in columns.items():
            key = {"pk": repository_key(repository_id), "sk": f"{_COLUMNS}{table}"}
            with translated("noting known columns"), suppress(self._client.exceptions.ConditionalCheckFailedException):
                self._client.put_item(
                    TableName=self._table,
                    Item=_wire({**key, "columns": sorted(names)}),
                    ConditionExpression="attribute_not_exists(pk)",  # what was seen first stays
                )

    def _write(self, environment: Environment, event: str, claim: _Item | None = None) -> Environment:
        written = replace(environment, revision=environment.revision + 1)
        condition: _Item = {"ConditionExpression": "attribute_not_exists(pk)"}
        if environment.revision:
            condition = {
                "ConditionExpression": "#revision = :revision",
                "ExpressionAttributeNames": {"#revision": "revision"},
                "ExpressionAttributeValues": _wire({":revision": environment.revision}),
            }
        steps: list[Any] = [{"Put": {"TableName": self._table, "Item": _item(written), **condition}}]
        if event:
            steps.append({"Put": {"TableName": self._table, "Item": _history(written, event)}})
        if claim is not None:
            steps.append(claim)
        with translated("writing the registry"):
            try:
                self._client.transact_write_items(TransactItems=steps)
            except ClientError as error:
                _raise_lost(error, environment, claimed=claim is not None)
                raise
        return written


class _ClaimLostError(Exception):
    """Another pull request has the name."""


def _raise_lost(error: ClientError, environment: Environment, *, claimed: bool) -> None:
    """Tells which condition of a cancelled transaction did not hold, where one did not."""
    if code_of(error) != "TransactionCanceledException":
        return
    reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
    if reasons and reasons[0] == "ConditionalCheckFailed":
        raise TransientUpstreamError(f"another writer changed {environment.name} meanwhile") from error
    if claimed and reasons and reasons[-1] == "ConditionalCheckFailed":
        raise _ClaimLostError from error
    raise TransientUpstreamError(f"the registry cancelled a write: {reasons}") from error


def _index_key(repository: str, pull_number: int) -> str:
    return f"{repository.lower()}#{pull_number}"


def _item(environment: Environment) -> _Item:
    record = json.loads(_RECORD.dump_json(environment), parse_float=Decimal)
    record["pk"] = pull_request_key(environment.repository_id, environment.pull_number)
    record["sk"] = "state"
    record["pull"] = _index_key(environment.repository, environment.pull_number)
    record["guard"] = None if environment.guard is None else str(environment.guard)
    if environment.status in {Status.REMOVED, Status.REFUSED}:
        record["expires_at"] = _expiry(environment)
    return _wire(record)


def _history(environment: Environment, event: str) -> _Item:
    return _wire(
        {
            "pk": pull_request_key(environment.repository_id, environment.pull_number),
            "sk": f"event#{environment.updated_at.isoformat()}#{environment.revision:06d}",
            "event": event,
            "status": str(environment.status),
            "head_sha": environment.head_sha,
            "generation": environment.generation,
            "delivery": environment.delivery,
            "message": environment.message,
            "expires_at": _expiry(environment),
        }
    )


def _expiry(environment: Environment) -> int:
    return int((environment.updated_at + _HISTORY_IS_KEPT_FOR).timestamp())


def _environment(item: Mapping[str, Any]) -> Environment:
    values = _values(item)
    guard = values.get("guard")
    return _RECORD.validate_python({**values, "guard": None if guard is None else DataGuard.parse(guard)})


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(TypeDeserializer().deserialize(value)) for name, value in item.items()}


def _wire(values: Mapping[str, Any]) -> _Item:
    return {name: TypeSerializer().serialize(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """DynamoDB's numbers as Python's, so that what was read can be JSON again."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
