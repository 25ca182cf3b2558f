"""The registry on DynamoDB (moto), in the table that the template makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.domain.environments import Status
from dagbranch.domain.life_cycle import removed
from dagbranch.errors import TransientUpstreamError, UpstreamError
from tests.fakes.contracts.registry import RegistryContract, unclaimed
from tests.fakes.examples import NOW, PULL_NUMBER, REPOSITORY_ID
from tests.fakes.template import registry_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "registry"


@pytest.fixture(scope="module")
def service() -> Iterator[DynamoDBClient]:
    """One client for all: to make one costs more than a test."""
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
def registry(client: DynamoDBClient) -> DynamoDbRegistry:
    return DynamoDbRegistry(client, TABLE)


def items(client: DynamoDBClient) -> list[dict[str, Any]]:
    return [
        {name: next(iter(value.values())) for name, value in item.items()}
        for item in client.scan(TableName=TABLE)["Items"]
    ]


class TestDynamoDbRegistry(RegistryContract):
    pass


def test_every_write_with_an_event_leaves_a_line_of_history_that_expires(
    client: DynamoDBClient, registry: DynamoDbRegistry
) -> None:
    written = registry.claim(unclaimed(delivery="d-1"), ["feature1"], event="requested 1111111")
    registry.save(replace(written, status=Status.FAILED, message="broken", updated_at=NOW), event="failed")
    registry.update(written, lambda newest: newest, event="")

    history = [item for item in items(client) if item["sk"].startswith("event#")]
    assert [(item["event"], item["status"], item["message"]) for item in history] == [
        ("requested 1111111", "requested", ""),
        ("failed", "failed", "broken"),
    ]
    assert {int(item["expires_at"]) for item in history} == {int((NOW + timedelta(days=90)).timestamp())}
    assert {item["pk"] for item in history} == {f"repo#{REPOSITORY_ID}#pull#{PULL_NUMBER}"}
    assert history[0]["delivery"] == "d-1"


def test_what_stands_never_expires_and_what_is_gone_does(client: DynamoDBClient, registry: DynamoDbRegistry) -> None:
    def state() -> dict[str, Any]:
        return next(item for item in items(client) if item["sk"] == "state")

    written = registry.claim(unclaimed(), ["feature1"], event="")
    assert "expires_at" not in state()

    gone = registry.release(removed(written, {}, NOW), event="removed")
    assert "expires_at" in state()

    registry.claim(replace(gone, status=Status.REQUESTED), ["feature1"], event="")
    assert "expires_at" not in state()


def test_after_a_release_only_the_state_and_its_history_are_left(
    client: DynamoDBClient, registry: DynamoDbRegistry
) -> None:
    written = registry.claim(unclaimed(), ["feature1"], event="requested")
    assert any(item["pk"] == "name#feature1" for item in items(client))

    registry.release(removed(written, {}, NOW), event="removed")

    assert {item["sk"].partition("#")[0] for item in items(client)} == {"state", "event"}


def test_a_long_list_is_read_to_its_end(registry: DynamoDbRegistry) -> None:
    # A page of DynamoDB holds 1 MB.
    for number in range(1, 8):
        registry.save(unclaimed(pull_number=number, message="x" * 200_000), event="")

    assert {one.pull_number for one in registry.all("preview")} == set(range(1, 8))


def test_a_writer_that_is_always_overtaken_gives_up_for_now(registry: DynamoDbRegistry) -> None:
    written = registry.claim(unclaimed(), ["feature1"], event="")

    def overtaken(newest: Any) -> Any:
        registry.save(newest, event="")
        return newest

    with pytest.raises(TransientUpstreamError, match="another writer"):
        registry.update(written, overtaken, event="")


def test_a_table_that_is_not_there_is_refused_for_good(client: DynamoDBClient) -> None:
    with pytest.raises(UpstreamError, match="reading the registry: AWS answered ResourceNotFoundException") as error:
        DynamoDbRegistry(client, "another").get(1, 1)
    assert not isinstance(error.value, TransientUpstreamError)


def test_a_service_that_cannot_be_reached_passes() -> None:
    away = boto3.client(
        "dynamodb",
        region_name="eu-central-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",
        config=Config(retries={"max_attempts": 0}, connect_timeout=1),
    )

    with pytest.raises(TransientUpstreamError, match="could not be asked"):
        DynamoDbRegistry(away, TABLE).get(1, 1)
