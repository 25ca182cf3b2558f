"""Data on the deployed template: masks, what may be read, data made anew, a base that changes, a sweep that is idle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.domain.environments import Environment, Status
from local.demo import observation
from local.github import Pull, Repository
from local.processes import wait_until
from tests.e2e.conftest import Told, settled
from tests.e2e.people import HASHED, REPOSITORY, SEEDED

pytestmark = pytest.mark.parametrize("told", ["3"], indirect=True, ids=["airflow-3"])

DEADLINE_SECONDS = 120


@dataclass(frozen=True)
class People:
    """The pull requests of a repository that declares data, each as it settled."""

    told: Told
    repository: Repository
    pulls: dict[str, Pull]
    environments: dict[str, Environment]

    def now(self, branch: str) -> Environment:
        found = observation.registered(self.told.stack, self.repository.id, self.pulls[branch].number)
        assert found is not None
        return found

    def history(self, branch: str) -> list[str]:
        events = observation.history(self.told.stack, self.repository.id, self.pulls[branch].number)
        return [event for _, event in events]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        return self.told.stack.warehouse.query(statement)

    def contacts(self, branch: str) -> list[tuple[Any, ...]]:
        return self.query(f"SELECT email, CAST(day AS STRING) FROM crm_{branch}.m_contacts ORDER BY ALL")

    def ask(self, kind: str, pull_number: int) -> None:
        """An event on the stack's bus, as ``aws events put-events`` puts it."""
        detail = {
            "version": 1,
            "lane": "preview",
            "repository": REPOSITORY,
            "pull_number": pull_number,
            "data": {"repository_id": self.repository.id},
        }
        entry = {
            "EventBusName": self.told.stack.outputs["EventBusName"],
            "Source": "dagbranch",
            "DetailType": kind,
            "Detail": json.dumps(detail),
        }
        assert self.told.stack.aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


@pytest.fixture(scope="module")
def people(told: Told) -> People:
    assert told.people is not None
    repository, pulls = told.people.repository, told.people.pulls
    environments = {branch: settled(told.stack, repository, pull) for branch, pull in pulls.items()}
    return People(told, repository, pulls, environments)


@pytest.mark.parametrize("branch", ["people", "unmasked"])
def test_masked_columns_come_as_hashes_whatever_the_pull_request_says(people: People, branch: str) -> None:
    seen = people.query(f"SELECT id, email, country FROM crm_{branch}.m_customers ORDER BY id")

    assert people.environments[branch].status == Status.READY
    assert seen == [(1, HASHED["ada@acme.example"], "DE"), (2, HASHED["bo@acme.example"], "FR")]
    assert people.contacts(branch) == SEEDED


def test_a_mask_that_does_not_count_is_told_to_its_author(people: People) -> None:
    message = people.environments["unmasked"].message

    assert "data.schemas.crm.mask.m_customers.email: keep does not count" in message


def test_a_source_that_the_stack_does_not_allow_is_told_with_its_key_and_nothing_is_made(people: People) -> None:
    found = people.environments["other-source"]

    assert found.status == Status.FAILED
    assert "data.schemas.crm" in found.message
    assert "source_suffix" in found.message
    assert "ReadableSourceSuffixes" in found.message
    assert observation.schemas(people.told.stack, "other_source") == {}


def test_a_reset_makes_the_tables_anew_and_leaves_the_dags_as_they_are(people: People) -> None:
    stack = people.told.stack
    s3, zip_key = stack.aws.client("s3"), "dags/people.zip"
    people.query('INSERT INTO crm_people.m_contacts VALUES ("written by a run", DATE"2026-02-01")')
    dags, zipped = observation.dags(stack, "people"), s3.head_object(Bucket=stack.dags_bucket, Key=zip_key)

    people.ask("Data Reset Requested", people.pulls["people"].number)

    wait_for(lambda: people.now("people").reset_at is not None, "the reset is done")
    wait_for(lambda: people.now("people").status == Status.READY, "the environment is ready again")
    assert people.contacts("people") == SEEDED
    assert observation.dags(stack, "people") == dags
    assert s3.head_object(Bucket=stack.dags_bucket, Key=zip_key)["VersionId"] == zipped["VersionId"]


def test_the_sweep_has_views_follow_a_base_that_gained_a_table_and_lost_one(people: People) -> None:
    people.query("CREATE TABLE crm_test.m_new USING parquet AS SELECT 7 AS id")
    people.query("DROP TABLE crm_test.m_old")
    long_ago = make_due(people, "people")

    people.told.stack.sweep()

    wait_for(lambda: compared_at(people) > long_ago, "the data is compared with the base")
    assert people.query("SELECT id FROM crm_people.m_new") == [(7,)]
    assert set(observation.schemas(people.told.stack, "people")["crm_people"]) == {"m_customers", "m_contacts", "m_new"}
    assert people.now("people").status == Status.READY
    assert "followed the base: + m_new, - m_old" in people.history("people")


def test_an_idle_sweep_and_a_request_about_nothing_send_nothing_to_the_warehouse(people: People) -> None:
    stack, nobody = people.told.stack, 4_711
    wait_for(lambda: is_quiet(people.told), "all work is done")
    before = stack.warehouse.requests

    stack.sweep()
    wait_for(lambda: is_quiet(people.told), "the sweep is done")
    people.ask("Data Check Requested", nobody)  # comes after all that the sweep asked for
    wait_for(lambda: f'"pull_number":{nobody}' in logs(people.told), "the request is looked at")

    assert stack.warehouse.requests == before


def make_due(people: People, branch: str) -> Any:
    """As if a day had passed since the environment's data was compared with its base."""
    stack, found = people.told.stack, people.now(branch)
    registry = DynamoDbRegistry(stack.aws.client("dynamodb"), stack.outputs["RegistryTableName"])
    assert found.compared_at is not None
    yesterday = found.compared_at - timedelta(days=1)
    registry.note("preview", "environments were asked to compare their data", yesterday)
    moved = registry.save(replace(found, compared_at=yesterday), event="")
    return moved.compared_at


def compared_at(people: People) -> Any:
    return people.now("people").compared_at


def is_quiet(told: Told) -> bool:
    """Whether no message waits, is worked on, or comes back later in any queue."""
    sqs = told.stack.aws.client("sqs")
    numbers = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    delayed = "ApproximateNumberOfMessagesDelayed"
    found = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*numbers, delayed])["Attributes"]
        for url in sqs.list_queues()["QueueUrls"]
    ]
    return not any(int(count) for counts in found for count in counts.values())


def logs(told: Told) -> str:
    return "".join(log.read_text(errors="replace").replace(" ", "") for log in told.stack.deployed.logs.glob("*.log"))


def wait_for(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what=what, deadline_seconds=DEADLINE_SECONDS, every_seconds=0.5)
