"""Leases that the whole stack shares: one item a name in the registry's table, put where none is or it is over."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import translated
from dagbranch.adapters.dynamodb_items import Item, wire
from dagbranch.domain.naming import lease_key
from dagbranch.errors import NotYetError, UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Not all at once, where fifty wait for one lease.
_RETRY_SECONDS: Final = (3, 10)
_KEPT_AFTER_ITS_END_SECONDS: Final = 86_400  # then DynamoDB drops what a worker that was killed has left


def _now() -> datetime:
    return datetime.now(UTC)


class DynamoDbLeases:
    """``owner`` is for people who look at the item; each lease has a token of its own beside it."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        owner: str,
        *,
        clock: Callable[[], datetime] = _now,
        jitter: Callable[[int, int], int] = random.randint,
    ) -> None:
        self._client = held_whole(client)
        self._table = table
        self._owner = owner
        self._clock = clock
        self._jitter = jitter

    @contextmanager
    def held(self, name: str, seconds: int) -> Iterator[None]:
        token = uuid4().hex
        self._take(name, token, seconds)
        try:
            yield
        finally:
            # What cannot be freed ends by itself; the work that was done under it is done.
            with suppress(UpstreamError):
                self._free(name, token)

    def _take(self, name: str, token: str, seconds: int) -> None:
        now = self._clock().timestamp()
        until = int((now + seconds) * 1000)
        item = {
            **item_key(name),
            **wire({"token": token, "owner": self._owner, "until": until}),
            **wire({"expires_at": until // 1000 + _KEPT_AFTER_ITS_END_SECONDS}),
        }
        with translated(f"taking the lease {name}"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(pk) OR #until <= :now OR #token = :token",
                    ExpressionAttributeNames={"#until": "until", "#token": "token"},
                    # The same token is there where the client has sent it again, its answer having been lost.
                    ExpressionAttributeValues=wire({":now": int(now * 1000), ":token": token}),
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                raise NotYetError(
                    f"another worker is at: {name}", retry_seconds=self._jitter(*_RETRY_SECONDS)
                ) from None

    def _free(self, name: str, token: str) -> None:
        with (
            translated(f"freeing the lease {name}"),
            suppress(self._client.exceptions.ConditionalCheckFailedException),  # it was over, and another has it
        ):
            self._client.delete_item(
                TableName=self._table,
                Key=item_key(name),
                ConditionExpression="#token = :token",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues=wire({":token": token}),
            )


def item_key(name: str) -> Item:
    """Of a lease in the registry's table."""
    return wire({"pk": lease_key(name), "sk": "lease"})
