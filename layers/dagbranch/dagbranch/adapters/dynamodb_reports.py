"""What stands at GitHub of a pull request: one item in its partition, ``sk=report``, beside the environment's.

It has none of the keys of the index ``environments``, so that no list of environments has it. It is kept for 90 days
after its last write: a comment that is found again by its marker needs no item.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import translated
from dagbranch.adapters.dynamodb_items import KEPT_FOR, Item, seconds_of, values_of, wire
from dagbranch.domain.naming import pull_request_key
from dagbranch.domain.reports import Reported
from dagbranch.errors import TransientUpstreamError, UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RECORD: Final = TypeAdapter(Reported)
_NOT_THERE: Final = {"ConditionExpression": "attribute_not_exists(pk)"}


def _now() -> datetime:
    return datetime.now(UTC)


class DynamoDbReports:
    """Every write is conditional on the revision that was read."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime] = _now) -> None:
        self._client = held_whole(client)
        self._table = table
        self._clock = clock

    def get(self, repository_id: int, pull_number: int) -> Reported:
        with translated("reading what was told on a pull request"):
            answer = self._client.get_item(
                TableName=self._table, Key=wire(_key(repository_id, pull_number)), ConsistentRead=True
            )
        if "Item" not in answer:
            return Reported(repository_id, pull_number)
        values = values_of(answer["Item"])
        try:
            return _RECORD.validate_python(values)
        except ValueError as error:
            raise UpstreamError(f"the registry's report of {values['pk']} cannot be read: {error}") from error

    def save(self, reported: Reported) -> Reported:
        written = replace(reported, revision=reported.revision + 1)
        item = {
            **json.loads(_RECORD.dump_json(written)),
            **_key(reported.repository_id, reported.pull_number),
            "expires_at": seconds_of(self._clock() + KEPT_FOR),
        }
        condition = _is_at(reported.revision) if reported.revision else _NOT_THERE
        with translated("noting what was told on a pull request"):
            try:
                self._client.put_item(TableName=self._table, Item=wire(item), **condition)
            except self._client.exceptions.ConditionalCheckFailedException as error:
                raise TransientUpstreamError(
                    f"another writer told about pull request {reported.pull_number} meanwhile"
                ) from error
        return written


def _is_at(revision: int) -> Item:
    return {
        "ConditionExpression": "#revision = :revision",
        "ExpressionAttributeNames": {"#revision": "revision"},
        "ExpressionAttributeValues": wire({":revision": revision}),
    }


def _key(repository_id: int, pull_number: int) -> Item:
    return {"pk": pull_request_key(repository_id, pull_number), "sk": "report"}
