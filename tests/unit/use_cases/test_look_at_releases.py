from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.packaging import IGNORE_FILE
from dagbranch.domain.policy import Policy
from dagbranch.errors import TransientUpstreamError
from dagbranch.use_cases.sweep_environments import Seen, Sweeper, sweep_environments
from tests.fakes.airflow import InMemoryAirflow
from tests.fakes.buckets import InMemoryDagsBucket, stored
from tests.fakes.event_bus import InMemoryEventBus
from tests.fakes.examples import NOW, REPOSITORY, REPOSITORY_ID, SECOND, nothing
from tests.fakes.github import InMemoryGitHub
from tests.fakes.registry import InMemoryRegistry
from tests.fakes.release_examples import a_release_record
from tests.fakes.report_examples import a_half
from tests.fakes.telemetry import InMemoryTelemetry
from tests.fakes.warehouse import InMemoryWarehouse

NAME = "prod_pipelines"
ZIP = b"the packaged DAG"


class Meddling(InMemoryDagsBucket):
    """``before`` happens while a zip is being read."""

    before: Callable[[], None] = staticmethod(nothing)

    def zip_content(self, environment: str) -> bytes:
        self.before()
        return super().zip_content(environment)


class Prod:
    """A release lane with one release that is ready, and its sweep. GitHub cannot be reached."""

    def __init__(self) -> None:
        self.registry = InMemoryRegistry()
        self.dags = Meddling()
        self.bus = InMemoryEventBus()
        self.telemetry = InMemoryTelemetry()
        self.github = InMemoryGitHub()
        self.github.down = True
        half = a_half(12, zip_sha256=hashlib.sha256(ZIP).hexdigest(), version="0.7.0")
        record = a_release_record(lane="prod", name=NAME, status=Status.READY, pipeline=half, revision=0)
        self.record = self.put(record)

    def put(self, record: Environment) -> Environment:
        """The record, and all of it in the bucket."""
        name, marker = record.claimed_name, marker_of(record)
        self.dags.put_copy(name, {IGNORE_FILE: b"[^~]*", "qu/a.py": b"a = 1\n"}, {}, marker)
        self.dags.put_configuration(name, "d" * 64, b"{}", marker)
        self.dags.put_zip(name, ZIP, marker, replaces=None)
        return self.registry.save(record, event="")

    def sweep(self) -> list[tuple[str, int, str]]:
        airflow, warehouse = InMemoryAirflow(self.dags), InMemoryWarehouse({})
        self.bus.published.clear()
        sweep_environments(
            sweeper=Sweeper("prod", frozenset({REPOSITORY}), Policy(), 4),
            seen=Seen(self.github, self.registry, self.dags, airflow, lambda: warehouse),
            bus=self.bus,
            telemetry=self.telemetry,
            now=NOW,
        )
        return [(kind, detail["pull_number"], detail["message"]) for kind, detail in self.bus.published]


@pytest.fixture
def prod() -> Prod:
    return Prod()


def test_a_release_that_stands_as_it_was_put_is_left_alone_and_github_is_asked_nothing(prod: Prod) -> None:
    assert prod.sweep() == []
    assert prod.telemetry.counted[-1] == "Sweep"


def test_a_zip_with_other_bytes_is_asked_for_again_whatever_its_metadata_says(prod: Prod) -> None:
    prod.dags.objects[f"{NAME}.zip"] = stored(b"forged", marker_of(prod.record))

    ((kind, number, why),) = prod.sweep()

    assert (kind, number) == ("Environment Requested", 0)
    assert why.startswith("its zip is not the one that was deployed")
    detail = prod.bus.published[0][1]
    assert (detail["lane"], detail["head_sha"], detail["generation"]) == ("prod", prod.record.head_sha, 1)


def test_a_zip_that_has_gone_is_asked_for_again(prod: Prod) -> None:
    del prod.dags.objects[f"{NAME}.zip"]

    assert prod.sweep() == [("Environment Requested", 0, "its zip has gone from the bucket")]


def test_a_configuration_that_has_gone_is_asked_for_again(prod: Prod) -> None:
    del prod.dags.objects[f"{NAME}/.dagbranch/{'d' * 64}.json"]

    assert prod.sweep() == [("Environment Requested", 0, "its configuration has gone from the bucket")]


def test_a_copy_that_somebody_wrote_into_is_asked_for_again(prod: Prod) -> None:
    prod.dags.objects[f"{NAME}/qu/a.py"] = stored(b"a = 2\n", marker_of(prod.record))

    assert prod.sweep() == [("Environment Requested", 0, "its unpacked copy is not as it was put: qu/a.py")]


def test_what_is_deployed_meanwhile_is_no_drift(prod: Prod) -> None:
    prod.dags.objects[f"{NAME}.zip"] = stored(b"the next one", marker_of(prod.record))

    def deployed() -> None:
        prod.dags.before = nothing
        prod.registry.save(replace(prod.record, head_sha=SECOND), event="")

    prod.dags.before = deployed

    assert prod.sweep() == []


def test_a_bucket_that_cannot_be_asked_is_told_and_nothing_is_concluded(prod: Prod) -> None:
    def refuse() -> None:
        raise TransientUpstreamError("the bucket answered 503")

    prod.dags.before = refuse

    with pytest.raises(TransientUpstreamError, match="503"):
        prod.sweep()

    assert prod.bus.published == []


def test_a_canary_without_a_record_is_asked_to_be_removed_as_an_orphan(prod: Prod) -> None:
    canary = replace(prod.record, pull_number=CANARY, name="prod_pipelines_next")
    prod.dags.put_zip("prod_pipelines_next", ZIP, marker_of(canary), replaces=None)

    ((kind, number, _),) = prod.sweep()

    assert (kind, number) == ("Removal Requested", CANARY)
    data = prod.bus.published[0][1]["data"]
    assert (data["orphan"], data["repository_id"]) == ("prod_pipelines_next", REPOSITORY_ID)


def test_a_canary_whose_commit_has_become_the_release_is_asked_to_be_removed(prod: Prod) -> None:
    prod.put(replace(prod.record, pull_number=CANARY, name="prod_pipelines_next", revision=0))

    assert prod.sweep() == [("Removal Requested", CANARY, "1111111 is the release now")]
