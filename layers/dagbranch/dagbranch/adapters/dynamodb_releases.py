"""The ledger of a release lane, in the registry's table: ``pk=repo#<id>#ledger``, ``sk=release#<head_sha>``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import translated
from dagbranch.adapters.dynamodb_items import Item, values_of, wire
from dagbranch.domain.naming import ledger_key
from dagbranch.domain.releases import Release
from dagbranch.errors import TransientUpstreamError, UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RELEASE: Final = TypeAdapter(Release)
_COMMIT: Final = "release#"


class DynamoDbReleases:
    """Never dropped: what had been ready once may be gone back to, however old it is."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = held_whole(client)
        self._table = table

    def get(self, repository_id: int, head_sha: str) -> Release | None:
        with translated("reading the ledger"):
            answer = self._client.get_item(
                TableName=self._table, Key=wire(_key(repository_id, head_sha)), ConsistentRead=True
            )
        return _release_of(answer["Item"]) if "Item" in answer else None

    def of(self, repository_id: int) -> Iterator[Release]:
        with translated("listing the ledger"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :commit)",
                ExpressionAttributeValues=wire({":pk": ledger_key(repository_id), ":commit": _COMMIT}),
                ConsistentRead=True,
            )
            for page in pages:
                yield from map(_release_of, page["Items"])

    def save(self, release: Release) -> Release:
        written = replace(release, revision=release.revision + 1)
        condition: Item = {"ConditionExpression": "attribute_not_exists(pk)"}
        if release.revision:
            condition = {
                "ConditionExpression": "#revision = :revision",
                "ExpressionAttributeNames": {"#revision": "revision"},
                "ExpressionAttributeValues": wire({":revision": release.revision}),
            }
        with translated("writing the ledger"):
            try:
                self._client.put_item(TableName=self._table, Item=_item_of(written), **condition)
            except self._client.exceptions.ConditionalCheckFailedException as error:
                raise TransientUpstreamError(f"another writer noted {release.head_sha[:7]} meanwhile") from error
        return written


def _key(repository_id: int, head_sha: str) -> dict[str, str]:
    return {"pk": ledger_key(repository_id), "sk": f"{_COMMIT}{head_sha}"}


def _item_of(release: Release) -> Item:
    return wire(json.loads(_RELEASE.dump_json(release)) | _key(release.repository_id, release.head_sha))


def _release_of(item: Mapping[str, Any]) -> Release:
    """Raises UpstreamError for what is none: without it, the ledger would not be complete."""
    values = values_of(item)
    try:
        return _RELEASE.validate_python(values)
    except ValueError as error:
        raise UpstreamError(f"the ledger's item {values.get('sk')} cannot be read: {error}") from error
