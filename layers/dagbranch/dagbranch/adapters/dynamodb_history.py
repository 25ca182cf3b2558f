"""How long an environment's history is kept: 90 days after its end, and all of it while there is more to come."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import translated
from dagbranch.adapters.dynamodb_items import EVENT, Item, wire
from dagbranch.domain.environments import Environment
from dagbranch.domain.naming import pull_request_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MOST_STEPS: Final = 100  # of one transaction


class History:
    """The lines that are there. Each call can be repeated: what has its time already is left as it is."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = held_whole(client)
        self._table = table

    def keep(self, environment: Environment) -> None:
        """However old it is."""
        found = self._lines(environment, {"FilterExpression": "attribute_exists(expires_at)"})
        self._update(found, {"UpdateExpression": "REMOVE expires_at"})

    def let_expire(self, environment: Environment, expiry: int) -> None:
        """``expiry``: in seconds since 1970."""
        values = {":expiry": expiry}
        found = self._lines(
            environment, {"FilterExpression": "attribute_not_exists(expires_at) OR expires_at <> :expiry"}, values
        )
        self._update(found, {"UpdateExpression": "SET expires_at = :expiry", "ExpressionAttributeValues": wire(values)})

    def _lines(self, environment: Environment, chosen: Item, values: Item | None = None) -> list[Item]:
        pk = pull_request_key(environment.repository_id, environment.pull_number)
        with translated("reading the history"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :event)",
                ProjectionExpression="pk, sk",
                ExpressionAttributeValues=wire({":pk": pk, ":event": EVENT, **(values or {})}),
                ConsistentRead=True,
                **chosen,
            )
            return [item for page in pages for item in page["Items"]]

    def _update(self, keys: list[Item], change: Item) -> None:
        # What was dropped meanwhile must not come back as an item without content.
        common = {"TableName": self._table, "ConditionExpression": "attribute_exists(pk)", **change}
        for some in batched(keys, _MOST_STEPS):
            steps: list[Any] = [{"Update": {"Key": key, **common}} for key in some]
            with translated("noting how long the history is kept"):
                self._client.transact_write_items(TransactItems=steps)
