"""The registry: one DynamoDB table with environments, their claims on names and their history.

Items: ``pk=repo#<id>#pull#<number>``, ``sk=state`` the environment, ``sk=event#<time>#<revision>`` a line of its
history, ``sk=report`` what stands at GitHub (``dynamodb_reports``); ``pk=name#<environment>``, ``sk=claim`` who has the
name; ``pk=repo#<id>``, ``sk=columns#<table>`` the columns that a masked table had; ``pk=lane#<lane>``,
``sk=note#<what>`` when that was last done. The index ``environments`` finds an environment by its lane and its
repository's name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import code_of, translated
from dagbranch.adapters.dynamodb_history import History
from dagbranch.adapters.dynamodb_items import (
    Item,
    environment_of,
    expiry_of,
    history_of,
    index_key,
    item_of,
    values_of,
    wire,
)
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import lane_key, name_key, pull_request_key, repository_key
from dagbranch.errors import NotOursError, TransientUpstreamError, UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX: Final = "environments"
_MOST_UPDATES: Final = 30  # two halves, a verification, a removal, and a worker for each of some tables
_COLUMNS: Final = "columns#"
_NOTE: Final = "note#"


class DynamoDbRegistry:
    """Every write is conditional on the revision that was read, and carries its line of history with it."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = held_whole(client)
        self._table = table
        self._history = History(client, table)

    def get(self, repository_id: int, pull_number: int) -> Environment | None:
        key = wire({"pk": pull_request_key(repository_id, pull_number), "sk": "state"})
        with translated("reading the registry"):
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return environment_of(answer["Item"]) if "Item" in answer else None

    def find(self, lane: str, repository: str, pull_number: int) -> Environment | None:
        """The index may lag behind by moments; what it finds is read again consistently."""
        values = wire({":lane": lane, ":pull": index_key(repository, pull_number)})
        with translated("searching the registry"):
            answer = self._client.query(
                TableName=self._table,
                IndexName=INDEX,
                KeyConditionExpression="#lane = :lane AND #pull = :pull",
                ExpressionAttributeNames={"#lane": "lane", "#pull": "pull"},
                ExpressionAttributeValues=values,
            )
        found = [environment_of(item) for item in answer["Items"]]
        newest = max(found, key=lambda one: one.updated_at, default=None)
        return None if newest is None else self.get(newest.repository_id, newest.pull_number)

    def all(self, lane: str) -> Iterator[Environment]:
        """Whole records, however few of their fields are needed: one that lacks some would erase them when written."""
        with translated("listing the registry"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=INDEX,
                KeyConditionExpression="#lane = :lane",
                ExpressionAttributeNames={"#lane": "lane"},
                ExpressionAttributeValues=wire({":lane": lane}),
            )
            for page in pages:
                yield from map(environment_of, page["Items"])

    def claim(self, environment: Environment, names: Iterable[str], event: str) -> Environment:
        if environment.revision:
            self._history.keep(environment)  # of an earlier life, which had ended
        for name in names:
            named = replace(environment, name=name)
            owner = pull_request_key(named.repository_id, named.pull_number)
            claim = {
                "Put": {
                    "TableName": self._table,
                    "Item": wire({"pk": name_key(name), "sk": "claim", "owner": owner}),
                    "ConditionExpression": "attribute_not_exists(pk) OR #owner = :owner",
                    "ExpressionAttributeNames": {"#owner": "owner"},
                    "ExpressionAttributeValues": wire({":owner": owner}),
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
        if environment.revision and environment.status == Status.WAITING:
            self._history.keep(environment)
        return self._write(environment, event)

    def update(self, environment: Environment, change: Callable[[Environment], Environment], event: str) -> Environment:
        for attempt in range(_MOST_UPDATES):
            newest = self.get(environment.repository_id, environment.pull_number)
            if newest is None:
                raise TransientUpstreamError(f"the registry has no item for {environment.name}")
            try:
                return self._write(change(newest), event)
            except _ChangedError:
                if attempt == _MOST_UPDATES - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def release(self, environment: Environment, event: str) -> Environment:
        if environment.name is None:
            return self._write(environment, event)
        freed = {
            "Delete": {
                "TableName": self._table,
                "Key": wire({"pk": name_key(environment.name), "sk": "claim"}),
                "ConditionExpression": "attribute_not_exists(pk) OR #owner = :owner",
                "ExpressionAttributeNames": {"#owner": "owner"},
                "ExpressionAttributeValues": wire(
                    {":owner": pull_request_key(environment.repository_id, environment.pull_number)}
                ),
            }
        }
        try:
            return self._write(environment, event, freed)
        except _ClaimLostError as error:
            raise UpstreamError(f"the name {environment.name} is claimed by another pull request") from error

    def noted_at(self, lane: str, what: str) -> datetime | None:
        key = wire({"pk": lane_key(lane), "sk": f"{_NOTE}{what}"})
        with translated(f"reading when {what}"):
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return datetime.fromisoformat(values_of(answer["Item"])["at"]) if "Item" in answer else None

    def note(self, lane: str, what: str, at: datetime) -> None:
        item = wire({"pk": lane_key(lane), "sk": f"{_NOTE}{what}", "at": at.isoformat()})
        with translated(f"noting when {what}"):
            self._client.put_item(TableName=self._table, Item=item)

    def known_columns(self, repository_id: int, tables: Collection[str]) -> Mapping[str, frozenset[str]]:
        """One question, whatever the number of tables: they all lie in the repository's partition."""
        with translated("reading known columns"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :columns)",
                ExpressionAttributeValues=wire({":pk": repository_key(repository_id), ":columns": _COLUMNS}),
                ConsistentRead=True,
            )
            found = [values_of(item) for page in pages for item in page["Items"]]
        known = {one["sk"].removeprefix(_COLUMNS): frozenset(one["columns"]) for one in found}
        return {table: known[table] for table in tables if table in known}

    def remember_columns(self, repository_id: int, columns: Mapping[str, frozenset[str]]) -> None:
        for table, names in columns.items():
            key = {"pk": repository_key(repository_id), "sk": f"{_COLUMNS}{table}"}
            with translated("noting known columns"), suppress(self._client.exceptions.ConditionalCheckFailedException):
                self._client.put_item(
                    TableName=self._table,
                    Item=wire({**key, "columns": sorted(names)}),
                    ConditionExpression="attribute_not_exists(pk)",  # what was seen first stays
                )

    def _write(self, environment: Environment, event: str, claim: Item | None = None) -> Environment:
        # The history's end is noted first: a write that breaks off behind it is repeated, and notes it again.
        expiry = expiry_of(environment)
        if environment.revision and expiry is not None:
            self._history.let_expire(environment, expiry)
        written = replace(environment, revision=environment.revision + 1)
        condition: Item = {"ConditionExpression": "attribute_not_exists(pk)"}
        if environment.revision:
            condition = {
                "ConditionExpression": "#revision = :revision",
                "ExpressionAttributeNames": {"#revision": "revision"},
                "ExpressionAttributeValues": wire({":revision": environment.revision}),
            }
        steps: list[Any] = [{"Put": {"TableName": self._table, "Item": item_of(written), **condition}}]
        if event:
            steps.append({"Put": {"TableName": self._table, "Item": history_of(written, event)}})
        if claim is not None:
            steps.append(claim)
        with translated("writing the registry"):
            try:
                self._client.transact_write_items(TransactItems=steps)
            except ClientError as error:
                if expiry is not None:
                    self._history.keep(environment)  # another writer may have begun a new life
                _raise_lost(error, environment, claimed=claim is not None)
                raise
        return written


class _ChangedError(TransientUpstreamError):
    """Another writer was faster: what is true now has to be read again."""


class _ClaimLostError(Exception):
    """Another pull request has the name."""


def _raise_lost(error: ClientError, environment: Environment, *, claimed: bool) -> None:
    """Tells which condition of a cancelled transaction did not hold, where one did not."""
    if code_of(error) != "TransactionCanceledException":
        return
    reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
    if reasons and reasons[0] == "ConditionalCheckFailed":
        raise _ChangedError(f"another writer changed {environment.name} meanwhile") from error
    if claimed and reasons and reasons[-1] == "ConditionalCheckFailed":
        raise _ClaimLostError from error
    raise _ChangedError(f"the registry cancelled a write: {reasons}") from error
