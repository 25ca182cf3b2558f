"""Ledger and audit of a release lane on DynamoDB (moto), in the registry's table as the template makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.dynamodb_audit import DynamoDbAudit
from dagbranch.adapters.dynamodb_items import wire
from dagbranch.adapters.dynamodb_releases import DynamoDbReleases
from dagbranch.domain.naming import LANES
from dagbranch.errors import TransientUpstreamError, UpstreamError
from tests.fakes.contracts.audit import FULL as DEED
from tests.fakes.contracts.audit import AuditContract
from tests.fakes.contracts.releases import FULL as RELEASE
from tests.fakes.contracts.releases import ReleasesContract
from tests.fakes.examples import FIRST, NOW, REPOSITORY_ID
from tests.fakes.release_examples import a_release_record
from tests.fakes.template import registry_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "registry"


@pytest.fixture(scope="module")
def service() -> Iterator[DynamoDBClient]:
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "made-up")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        yield boto3.client("dynamodb", region_name="eu-central-1")


@pytest.fixture
def client(service: DynamoDBClient) -> Iterator[DynamoDBClient]:
    service.create_table(**registry_table(TABLE))
    yield service
    service.delete_table(TableName=TABLE)


@pytest.fixture
def releases(client: DynamoDBClient) -> DynamoDbReleases:
    return DynamoDbReleases(client, TABLE)


@pytest.fixture
def audit(client: DynamoDBClient) -> DynamoDbAudit:
    return DynamoDbAudit(client, TABLE)


def items(client: DynamoDBClient) -> list[dict[str, Any]]:
    return [
        {name: next(iter(value.values())) for name, value in item.items()}
        for item in client.scan(TableName=TABLE)["Items"]
    ]


def unreadable(client: DynamoDBClient, without: str) -> None:
    (item,) = client.scan(TableName=TABLE)["Items"]
    del item[without]
    client.put_item(TableName=TABLE, Item=item)


class TestDynamoDbReleases(ReleasesContract):
    pass


class TestDynamoDbAudit(AuditContract):
    pass


def test_neither_ledger_nor_audit_is_in_a_list_of_environments(
    client: DynamoDBClient, releases: DynamoDbReleases, audit: DynamoDbAudit
) -> None:
    registry = DynamoDbRegistry(client, TABLE)
    record = registry.claim(replace(a_release_record(), name=None, revision=0), ["stage_pipelines"], event="")
    releases.save(RELEASE)
    for lane in LANES:
        audit.append(replace(DEED, lane=lane))

    assert [environment for lane in LANES for environment in registry.all(lane)] == [record]


def test_a_release_is_kept_for_good_and_a_deed_for_two_years(
    client: DynamoDBClient, releases: DynamoDbReleases, audit: DynamoDbAudit
) -> None:
    releases.save(RELEASE)
    audit.append(DEED)

    kept = {item["sk"].partition("#")[0]: item.get("expires_at", 0) for item in items(client)}
    assert kept.pop("release") == 0
    (expires_at,) = kept.values()
    assert datetime.fromtimestamp(int(expires_at), UTC) == NOW.replace(year=NOW.year + 2)


def test_a_deed_is_never_written_over(client: DynamoDBClient, audit: DynamoDbAudit) -> None:
    audit.append(DEED)

    audit.append(replace(DEED, by="mallory", details="nothing to see"))

    assert [item["by"] for item in items(client)] == [DEED.by]


def test_deeds_of_all_clocks_are_in_one_order(audit: DynamoDbAudit) -> None:
    elsewhere = timezone(timedelta(hours=9))
    entries = [replace(DEED, at=NOW + timedelta(seconds=number / 2)) for number in range(4)]
    for number, entry in enumerate(entries):
        audit.append(replace(entry, at=entry.at.astimezone(elsewhere)) if number % 2 else entry)

    assert list(audit.entries("prod", NOW.astimezone(elsewhere))) == entries[::-1]


def test_more_deeds_than_a_page_holds_are_all_told(audit: DynamoDbAudit) -> None:
    entries = [replace(DEED, at=NOW + timedelta(seconds=number), details="d" * 20_000) for number in range(60)]
    for entry in entries:
        audit.append(entry)

    assert list(audit.entries("prod", NOW)) == entries[::-1]


def test_what_cannot_be_read_is_an_error_and_no_shorter_ledger(
    client: DynamoDBClient, releases: DynamoDbReleases
) -> None:
    releases.save(RELEASE)
    unreadable(client, without="head_sha")

    with pytest.raises(UpstreamError, match=f"release#{FIRST} cannot be read") as error:
        list(releases.of(REPOSITORY_ID))
    assert not isinstance(error.value, TransientUpstreamError)


def test_what_cannot_be_read_is_an_error_and_no_shorter_audit(client: DynamoDBClient, audit: DynamoDbAudit) -> None:
    audit.append(DEED)
    unreadable(client, without="deed")

    with pytest.raises(UpstreamError, match="cannot be read"):
        list(audit.entries("prod", NOW))


def test_a_release_of_an_earlier_version_of_dagbranch_is_read(
    client: DynamoDBClient, releases: DynamoDbReleases
) -> None:
    releases.save(RELEASE)
    client.update_item(
        TableName=TABLE,
        Key=wire({"pk": f"repo#{REPOSITORY_ID}#ledger", "sk": f"release#{FIRST}"}),
        UpdateExpression="REMOVE judged, promotion SET another = :one",
        ExpressionAttributeValues=wire({":one": 1}),
    )

    assert releases.get(REPOSITORY_ID, FIRST) == replace(RELEASE, judged=None, promotion=None, revision=1)
