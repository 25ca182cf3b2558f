"""The fakes keep the promises that the real adapters keep in tests/integration."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.airflow_listing import FinishedRun
from tests.fakes.airflow import InMemoryAirflow
from tests.fakes.audit import InMemoryAudit
from tests.fakes.buckets import InMemoryArtifactsBucket, InMemoryDagsBucket, InMemorySourceBucket, stored
from tests.fakes.contracts.airflow import AirflowContract
from tests.fakes.contracts.audit import AuditContract
from tests.fakes.contracts.buckets import ArtifactsBucketContract, DagsBucketContract, PutByHand, SourceBucketContract
from tests.fakes.contracts.event_bus import Arrived, EventBusContract
from tests.fakes.contracts.github import FILES, PEOPLE, GitHubContract
from tests.fakes.contracts.github_releases import Maker, ReleasesAtGitHubContract
from tests.fakes.contracts.github_reports import GitHubReportsContract
from tests.fakes.contracts.leases import LeasesContract
from tests.fakes.contracts.promotions import Keys, NextLaneContract, SigningContract, Way
from tests.fakes.contracts.registry import RegistryContract
from tests.fakes.contracts.releases import ReleasesContract
from tests.fakes.contracts.reports import ReportsContract
from tests.fakes.contracts.seed_queue import Bodies, SeedQueueContract
from tests.fakes.contracts.warehouse import COLUMNS, DAYS, Made, WarehouseContract
from tests.fakes.event_bus import InMemoryEventBus
from tests.fakes.examples import FIRST, NOW, PULL_NUMBER, REPOSITORY, REPOSITORY_ID, SECOND, Clock, a_pull_request
from tests.fakes.github import BASE_SHA, Commit, InMemoryGitHub
from tests.fakes.github_releases import CheckState, InMemoryReleasesAtGitHub
from tests.fakes.github_reports import InMemoryGitHubReports, ToldInMemory
from tests.fakes.leases import InMemoryLeases
from tests.fakes.promotions import InMemoryNextLane, InMemorySigner, InMemoryVerifier
from tests.fakes.registry import InMemoryRegistry
from tests.fakes.releases import InMemoryReleases
from tests.fakes.reports import InMemoryReports
from tests.fakes.seed_queue import InMemorySeedQueue
from tests.fakes.warehouse import InMemoryWarehouse, Table, rows_of


@dataclass
class Place:
    github: InMemoryGitHub = field(default_factory=InMemoryGitHub)
    repository: str = REPOSITORY
    pull_number: int = PULL_NUMBER
    head_sha: str = FIRST
    base_sha: str = SECOND
    installation_id: int | None = None


class TestInMemoryRegistry(RegistryContract):
    @pytest.fixture
    def registry(self) -> InMemoryRegistry:
        return InMemoryRegistry()


class TestInMemoryLeases(LeasesContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def leases(self, clock: Clock) -> InMemoryLeases:
        return InMemoryLeases(clock)


class TestInMemorySourceBucket(SourceBucketContract):
    @pytest.fixture
    def sources(self) -> InMemorySourceBucket:
        return InMemorySourceBucket()


class TestInMemoryDagsBucket(DagsBucketContract):
    @pytest.fixture
    def dags(self) -> InMemoryDagsBucket:
        return InMemoryDagsBucket()

    @pytest.fixture
    def put_by_hand(self, dags: InMemoryDagsBucket) -> PutByHand:
        return lambda key, content: dags.objects.update({key: stored(content, {})})


class TestInMemoryArtifactsBucket(ArtifactsBucketContract):
    @pytest.fixture
    def artifacts(self) -> InMemoryArtifactsBucket:
        return InMemoryArtifactsBucket()

    @pytest.fixture
    def put_by_hand(self, artifacts: InMemoryArtifactsBucket) -> PutByHand:
        return lambda key, content: artifacts.objects.update({f"artifacts/{key}": stored(content, {})})


class TestInMemoryEventBus(EventBusContract):
    @pytest.fixture
    def bus(self) -> InMemoryEventBus:
        return InMemoryEventBus()

    @pytest.fixture
    def arrived(self, bus: InMemoryEventBus) -> Arrived:
        return lambda: list(bus.published)


class TestInMemorySeedQueue(SeedQueueContract):
    @pytest.fixture
    def seeds(self) -> InMemorySeedQueue:
        return InMemorySeedQueue()

    @pytest.fixture
    def bodies(self, seeds: InMemorySeedQueue) -> Bodies:
        return seeds.bodies


class TestInMemoryWarehouse(WarehouseContract):
    @pytest.fixture(params=[True, False], ids=["clones", "no_clones"])
    def made(self, request: pytest.FixtureRequest) -> Made:
        source = Table({**COLUMNS}, rows_of(*DAYS))
        warehouse = InMemoryWarehouse({"db_test": {"m_events": source, "v_events": "view"}})
        warehouse.knows_clones = request.param
        return Made(warehouse, "db_test", "db_feature1")


class TestInMemoryGitHub(GitHubContract):
    @pytest.fixture
    def place(self) -> Place:
        place = Place()
        place.github.open(a_pull_request(labels=frozenset({"keep-environment", "ünï"})), FILES)
        place.github.merge_bases[FIRST] = SECOND
        place.github.commits[SECOND] = Commit({"README.md": b"pipelines"})
        place.github.permissions = dict(PEOPLE)
        place.github.commits[BASE_SHA] = Commit({"later.txt": b""})
        return place


class ServerInMemory:
    most_characters = 250

    def __init__(self, airflow: InMemoryAirflow, bucket: InMemoryDagsBucket) -> None:
        self._airflow = airflow
        self._bucket = bucket

    def put_zip(self, environment: str, *names: str, broken: str | None = None) -> None:
        self._bucket.objects[f"{environment}.zip"] = stored(b"", {"dagbranch-head-sha": FIRST})
        self._airflow.defines[environment] = names
        if broken:
            self._airflow.broken[environment] = {f"{broken}.py": "RuntimeError: no such luck"}
        self._airflow.parse(NOW)

    def remove_zip(self, environment: str) -> None:
        del self._bucket.objects[f"{environment}.zip"]
        self._airflow.parse(NOW)

    @contextmanager
    def running(self, dag_id: str) -> Iterator[None]:
        self._airflow.running.add(dag_id)
        yield

    def succeed(self, dag_id: str) -> FinishedRun:
        began_at = NOW + timedelta(minutes=2 * len(self._airflow.good_runs))
        run = FinishedRun(dag_id, began_at, began_at + timedelta(minutes=1))
        self._airflow.good_runs.append(run)
        return run


class TestInMemoryAirflow(AirflowContract):
    @pytest.fixture
    def bucket(self) -> InMemoryDagsBucket:
        return InMemoryDagsBucket()

    @pytest.fixture(params=["rest", "cli"])
    def airflow(self, request: pytest.FixtureRequest, bucket: InMemoryDagsBucket) -> InMemoryAirflow:
        airflow = InMemoryAirflow(bucket)
        airflow.lists_let_go = request.param == "rest"
        airflow.can_be_ended = {"qu.runs.busy"} if request.param == "rest" else set()
        return airflow

    @pytest.fixture
    def server(self, airflow: InMemoryAirflow, bucket: InMemoryDagsBucket) -> ServerInMemory:
        return ServerInMemory(airflow, bucket)


class TestInMemoryReports(ReportsContract):
    @pytest.fixture
    def reports(self) -> InMemoryReports:
        return InMemoryReports()


class TestInMemoryGitHubReports(GitHubReportsContract):
    @pytest.fixture
    def reports(self) -> InMemoryGitHubReports:
        return InMemoryGitHubReports()

    @pytest.fixture
    def told(self, reports: InMemoryGitHubReports) -> ToldInMemory:
        return ToldInMemory(reports)


class TestInMemoryReleases(ReleasesContract):
    @pytest.fixture
    def releases(self) -> InMemoryReleases:
        return InMemoryReleases()


class TestInMemoryAudit(AuditContract):
    @pytest.fixture
    def audit(self) -> InMemoryAudit:
        return InMemoryAudit()


class TestInMemorySigning(SigningContract):
    @pytest.fixture
    def keys(self) -> Keys:
        signer, before = InMemorySigner(), InMemorySigner(b"the key that stage had before")
        return Keys(signer, before, InMemorySigner(b"a stranger's"), InMemoryVerifier((signer, before)))


class TestInMemoryNextLane(NextLaneContract):
    @pytest.fixture
    def way(self) -> Way:
        bucket = InMemorySourceBucket()
        return Way(InMemoryNextLane(bucket), bucket)


class ReleasePlace:
    """Of the fake itself: what the local GitHub does by its own calls."""

    repository, repository_id = REPOSITORY, REPOSITORY_ID
    states: Mapping[str | None, CheckState] = {
        **dict.fromkeys(("success", "neutral", "skipped"), "passed"),
        **dict.fromkeys((None, "pending"), "pending"),
    }

    def __init__(self) -> None:
        self.github = InMemoryReleasesAtGitHub()
        self.app_id = self.github.our_app
        self._serial = itertools.count(1)
        self.push()

    def push(self, branch: str = "main") -> str:
        head_sha = f"{next(self._serial):040x}"
        if branch == "main":
            self.github.push(head_sha)
        return head_sha

    def deploy(self, environment: str, head_sha: str, maker: Maker = "alice", payload: Any = None) -> int:
        made_by: dict[Maker, dict[str, Any]] = {
            "alice": {},
            "workflow": {"creator": "github-actions[bot]", "is_of_a_workflow": True, "made_by_app": 15368},
            "our app": {"creator": "dagbranch[bot]", "made_by_app": self.app_id},
        }
        return self.github.deploy(environment, head_sha, payload, **made_by[maker]).id

    def tell(self, deployment_id: int, state: str) -> None:
        self.github.tell(deployment_id, state)

    def check(self, head_sha: str, name: str, conclusion: str | None) -> None:
        self.github.checks.setdefault(head_sha, {})[name] = self.states.get(conclusion, "failed")

    def status(self, head_sha: str, context: str, state: str) -> None:
        self.check(head_sha, context, state)


class TestInMemoryReleasesAtGitHub(ReleasesAtGitHubContract):
    @pytest.fixture
    def place(self) -> ReleasePlace:
        return ReleasePlace()
