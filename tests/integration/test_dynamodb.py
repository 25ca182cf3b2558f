"""The registry on DynamoDB (moto), in the table that the template makes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.dynamodb_history import History
from dagbranch.adapters.dynamodb_items import wire
from dagbranch.adapters.dynamodb_leases import DynamoDbLeases
from dagbranch.adapters.dynamodb_reports import DynamoDbReports
from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.domain.ending import removed
from dagbranch.domain.environments import Environment, Half, Status
from dagbranch.domain.overview import BaseChanges, Overview, SchemaOverview
from dagbranch.domain.reports import Posted, Reported
from dagbranch.errors import TransientUpstreamError, UpstreamError
from tests.fakes.contracts.leases import LeasesContract
from tests.fakes.contracts.registry import RegistryContract, unclaimed
from tests.fakes.contracts.reports import ReportsContract
from tests.fakes.examples import FIRST, NOW, PULL_NUMBER, REPOSITORY_ID, Clock
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
        client = boto3.client("dynamodb", region_name="eu-central-1")
        _let_one_in_at_a_time(client)
        yield client


def _let_one_in_at_a_time(client: DynamoDBClient) -> None:
    """Moto checks a condition and writes its item in two steps, between which another thread may write."""
    lock = threading.Lock()

    def take(**_: object) -> None:
        lock.acquire()  # its result would be taken for the answer

    def free(**_: object) -> None:
        lock.release()

    client.meta.events.register("before-call.dynamodb", take)
    client.meta.events.register("after-call.dynamodb", free)
    client.meta.events.register("after-call-error.dynamodb", free)


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


class TestDynamoDbLeases(LeasesContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def leases(self, client: DynamoDBClient, clock: Clock) -> DynamoDbLeases:
        return DynamoDbLeases(client, TABLE, "worker", clock=clock)


class TestDynamoDbReports(ReportsContract):
    @pytest.fixture
    def reports(self, client: DynamoDBClient) -> DynamoDbReports:
        return DynamoDbReports(client, TABLE)


def history(client: DynamoDBClient) -> list[dict[str, Any]]:
    return [item for item in items(client) if item["sk"].startswith("event#")]


def ninety_days_after(time: datetime) -> int:
    return int((time + timedelta(days=90)).timestamp())


def test_every_write_with_an_event_leaves_a_line_of_history(client: DynamoDBClient, registry: DynamoDbRegistry) -> None:
    written = registry.claim(unclaimed(delivery="d-1"), ["feature1"], event="requested 1111111")
    registry.save(replace(written, status=Status.FAILED, message="broken", updated_at=NOW), event="failed")
    registry.update(written, lambda newest: newest, event="")

    assert [(item["event"], item["status"], item["message"]) for item in history(client)] == [
        ("requested 1111111", "requested", ""),
        ("failed", "failed", "broken"),
    ]
    assert {item["pk"] for item in history(client)} == {f"repo#{REPOSITORY_ID}#pull#{PULL_NUMBER}"}
    assert history(client)[0]["delivery"] == "d-1"


def test_nothing_of_a_live_environment_expires(client: DynamoDBClient, registry: DynamoDbRegistry) -> None:
    written = registry.claim(unclaimed(), ["feature1"], event="requested")
    for status in set(Status) - {Status.REMOVED, Status.REFUSED}:
        written = registry.save(replace(written, status=status), event=status)

    assert all("expires_at" not in item for item in items(client))


def a_removed_one(registry: DynamoDbRegistry) -> Environment:
    written = registry.claim(unclaimed(status=Status.REMOVING), ["feature1"], event="requested")
    return registry.release(removed(written, {}, NOW), event="removed")


@pytest.mark.parametrize("lines", [1, 120])
def test_its_whole_history_is_kept_for_ninety_days_after_a_removal(
    client: DynamoDBClient, registry: DynamoDbRegistry, lines: int
) -> None:
    written = registry.claim(unclaimed(status=Status.REMOVING), ["feature1"], event="requested")
    for number in range(lines):
        written = registry.save(written, event=f"event {number}")

    registry.release(removed(written, {}, NOW + timedelta(days=200)), event="removed")

    kept = [
        item.get("expires_at") for item in items(client) if item["sk"] == "state" or item["sk"].startswith("event#")
    ]
    assert len(kept) == lines + 3
    assert set(kept) == {str(ninety_days_after(NOW + timedelta(days=200)))}


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.REMOVING])
def test_what_is_claimed_again_keeps_the_history_of_its_earlier_life(
    client: DynamoDBClient, registry: DynamoDbRegistry, status: Status
) -> None:
    gone = a_removed_one(registry)

    registry.claim(replace(gone, status=status), ["feature1"], event="again")

    assert len(history(client)) == 3
    assert all("expires_at" not in item for item in items(client))


def test_what_waits_again_keeps_the_history_of_its_earlier_life(
    client: DynamoDBClient, registry: DynamoDbRegistry
) -> None:
    gone = a_removed_one(registry)

    registry.save(replace(gone, status=Status.WAITING), event="waits")

    assert all("expires_at" not in item for item in items(client))


def test_a_removal_that_broke_off_before_it_was_written_is_made_whole_by_repeating_it(
    client: DynamoDBClient, registry: DynamoDbRegistry
) -> None:
    written = registry.claim(unclaimed(status=Status.REMOVING), ["feature1"], event="requested")
    History(client, TABLE).let_expire(written, ninety_days_after(NOW))

    registry.release(removed(written, {}, NOW + timedelta(days=1)), event="removed")

    expected = str(ninety_days_after(NOW + timedelta(days=1)))
    assert {item["expires_at"] for item in items(client)} == {expected}


def test_an_end_that_another_writer_prevented_lets_nothing_expire(
    client: DynamoDBClient, registry: DynamoDbRegistry
) -> None:
    read = registry.save(unclaimed(status=Status.WAITING), event="waits")
    registry.claim(replace(read, status=Status.REQUESTED), ["feature1"], event="requested")

    with pytest.raises(TransientUpstreamError):
        registry.save(removed(read, {}, NOW), event="closed")

    assert all("expires_at" not in item for item in items(client))


def test_a_record_of_an_older_release_is_read(client: DynamoDBClient, registry: DynamoDbRegistry) -> None:
    written = registry.claim(unclaimed(pipeline=Half("d", FIRST, 1, NOW)), ["feature1"], event="")
    older = client.scan(
        TableName=TABLE, FilterExpression="sk = :state", ExpressionAttributeValues=wire({":state": "state"})
    )
    (item,) = older["Items"]
    since = ("dag_ids", "suspects", "removal", "place", "dismissed", "verified_generation")
    since_reports = ("ready_at", "overview", "pages", "approved", "is_kept", "schedules", "unwanted")
    for name in (*since, *since_reports):
        assert item.pop(name, None) is not None
    client.put_item(TableName=TABLE, Item={**item, **wire({"zip_removed_at": None, "seen_by_airflow": True})})

    assert registry.get(REPOSITORY_ID, PULL_NUMBER) == written
    assert list(registry.all("preview")) == [written]


def test_a_record_that_cannot_be_read_is_an_error_and_no_shorter_list(
    client: DynamoDBClient, registry: DynamoDbRegistry
) -> None:
    registry.save(unclaimed(), event="")
    registry.save(unclaimed(pull_number=2), event="")
    client.update_item(
        TableName=TABLE,
        Key=wire({"pk": f"repo#{REPOSITORY_ID}#pull#2", "sk": "state"}),
        UpdateExpression="REMOVE requested_at",
    )

    with pytest.raises(UpstreamError, match="#pull#2 cannot be read") as error:
        list(registry.all("preview"))
    assert not isinstance(error.value, TransientUpstreamError)


def test_what_is_learned_of_an_environment_is_read_back_as_it_was(registry: DynamoDbRegistry) -> None:
    schema = SchemaOverview("a_feature1", "a_test", 2, ("m_roi",), seeded=("m_roi",), masked=("m_events",))
    overview = Overview(BaseChanges(("a.py",), ("b.py",), (), ("a.m_roi",)), (schema,), {"qu.feature1.x": "dags/x.py"})
    pages = AirflowPages("https://airflow.example.com", "3.0.6")

    written = registry.claim(
        unclaimed(overview=overview, pages=pages, ready_at=NOW, approved=FIRST, schedules=False), ["feature1"], event=""
    )

    assert registry.get(REPOSITORY_ID, PULL_NUMBER) == written
    assert written.overview == overview


def test_what_stands_at_github_is_in_no_list_of_environments_and_kept_for_ninety_days_after_its_last_write(
    client: DynamoDBClient, registry: DynamoDbRegistry
) -> None:
    environment = registry.claim(unclaimed(), ["feature1"], event="")
    reports = DynamoDbReports(client, TABLE, clock=lambda: NOW)
    later = DynamoDbReports(client, TABLE, clock=lambda: NOW + timedelta(days=1))

    later.save(reports.save(Reported(REPOSITORY_ID, PULL_NUMBER, comment=Posted(11, "digest"))))

    assert list(registry.all("preview")) == [environment]
    assert registry.find("preview", environment.repository, PULL_NUMBER) == environment
    (item,) = [one for one in items(client) if one["sk"] == "report"]
    assert item["pk"] == f"repo#{REPOSITORY_ID}#pull#{PULL_NUMBER}"
    assert int(item["expires_at"]) == ninety_days_after(NOW + timedelta(days=1))


def test_what_stands_at_github_outlives_the_end_of_its_environment(
    client: DynamoDBClient, registry: DynamoDbRegistry
) -> None:
    written = registry.claim(unclaimed(status=Status.REMOVING), ["feature1"], event="requested")
    reports = DynamoDbReports(client, TABLE)
    saved = reports.save(Reported(REPOSITORY_ID, PULL_NUMBER, comment=Posted(11, "digest")))

    registry.release(removed(written, {}, NOW), event="removed")

    assert reports.get(REPOSITORY_ID, PULL_NUMBER) == saved


def test_a_report_that_cannot_be_read_is_told_for_good(client: DynamoDBClient) -> None:
    reports = DynamoDbReports(client, TABLE)
    reports.save(Reported(REPOSITORY_ID, PULL_NUMBER))
    client.update_item(
        TableName=TABLE,
        Key=wire({"pk": f"repo#{REPOSITORY_ID}#pull#{PULL_NUMBER}", "sk": "report"}),
        UpdateExpression="SET answers = :none",
        ExpressionAttributeValues=wire({":none": "none"}),
    )

    with pytest.raises(UpstreamError, match="cannot be read") as error:
        reports.get(REPOSITORY_ID, PULL_NUMBER)
    assert not isinstance(error.value, TransientUpstreamError)


def test_a_lease_that_cannot_be_taken_fails_and_one_that_cannot_be_freed_ends_by_itself(
    client: DynamoDBClient,
) -> None:
    clock = Clock()
    with pytest.raises(UpstreamError, match="taking the lease cli"), DynamoDbLeases(client, "none", "w").held("cli", 1):
        pass
    leases = DynamoDbLeases(client, TABLE, "worker", clock=clock)

    with leases.held("cli", 60):
        client.delete_table(TableName=TABLE)
    client.create_table(**registry_table(TABLE))

    with leases.held("cli", 60):
        (item,) = items(client)
        assert (item["pk"], item["sk"], item["owner"]) == ("lease#cli", "lease", "worker")
        assert int(item["expires_at"]) > clock().timestamp() + 60


def test_after_a_release_only_the_state_and_its_history_are_left(
    client: DynamoDBClient, registry: DynamoDbRegistry
) -> None:
    written = registry.claim(unclaimed(status=Status.REMOVING), ["feature1"], event="requested")
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
