"""The audit of a lane, in the registry's table: ``pk=lane#<lane>#audit``, ``sk=<time>#<repository>#<deed>#<commit>``.

Nothing here changes or deletes an item, and the functions' policies allow neither: DynamoDB drops it after two years.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import translated
from dagbranch.adapters.dynamodb_items import Item, seconds_of, values_of, wire
from dagbranch.domain.audit import AuditEntry
from dagbranch.domain.naming import audit_key
from dagbranch.errors import UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_FOR: Final = timedelta(days=731)  # two years, one of them a leap year
_ENTRY: Final = TypeAdapter(AuditEntry)


class DynamoDbAudit:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = held_whole(client)
        self._table = table

    def append(self, entry: AuditEntry) -> None:
        with translated("writing the audit"), suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.put_item(
                TableName=self._table, Item=_item_of(entry), ConditionExpression="attribute_not_exists(pk)"
            )

    def entries(self, lane: str, since: datetime) -> Iterator[AuditEntry]:
        with translated("reading the audit"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk >= :since",
                ExpressionAttributeValues=wire({":pk": audit_key(lane), ":since": _time(since)}),
                ScanIndexForward=False,
                ConsistentRead=True,
            )
            for page in pages:
                yield from map(_entry_of, page["Items"])


def _item_of(entry: AuditEntry) -> Item:
    key = {
        "pk": audit_key(entry.lane),
        "sk": f"{_time(entry.at)}#{entry.repository_id}#{entry.deed}#{entry.head_sha}",
    }
    return wire(json.loads(_ENTRY.dump_json(entry)) | key | {"expires_at": seconds_of(entry.at + KEPT_FOR)})


def _time(at: datetime) -> str:
    """Of one length and one zone, so that the order of texts is that of times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _entry_of(item: Mapping[str, Any]) -> AuditEntry:
    """Raises UpstreamError for what is none: without it, the audit would not be complete."""
    values = values_of(item)
    try:
        return _ENTRY.validate_python(values)
    except ValueError as error:
        raise UpstreamError(f"the audit's item {values.get('sk')} cannot be read: {error}") from error
