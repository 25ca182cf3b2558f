"""One stack with everything around it in memory, and its functions called as their handlers call them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.domain.access import Access
from dagbranch.domain.data_stack import DataStack
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import RELEASE, SourceArchiveKey
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.policy import Policy
from dagbranch.domain.release_requests import requested_release
from dagbranch.domain.requests import (
    ArchiveUploaded,
    CommentEvent,
    DataRequest,
    EnvironmentEvent,
    EventKind,
    PullRequestEvent,
    PushEvent,
    SeedRequest,
)
from dagbranch.domain.source_allowance import RepositoryLists
from dagbranch.domain.source_archive import Limits, source_digest, write_canonical_zip
from dagbranch.errors import NotYetError, SupersededError
from dagbranch.events import pull_request_event
from dagbranch.use_cases.answer_command import Answerer, answer_command
from dagbranch.use_cases.deploy_half import Surroundings, Worker
from dagbranch.use_cases.fetch_release import fetch_release
from dagbranch.use_cases.fetch_source import fetch_source
from dagbranch.use_cases.intake_work import Fetcher, Intake
from dagbranch.use_cases.note_request import note_request
from dagbranch.use_cases.package_dags import Runtime, package_dags
from dagbranch.use_cases.provision_data import provision_data
from dagbranch.use_cases.removal_work import Places
from dagbranch.use_cases.remove_environment import Remover, remove_environment
from dagbranch.use_cases.sweep_environments import Seen, Sweeper, sweep_environments
from dagbranch.use_cases.verify_environment import verify_environment
from tests.fakes.airflow import InMemoryAirflow
from tests.fakes.buckets import InMemoryArtifactsBucket, InMemoryDagsBucket, InMemorySourceBucket
from tests.fakes.bus_messages import on_the_bus
from tests.fakes.event_bus import InMemoryEventBus
from tests.fakes.examples import (
    FIRST,
    PULL_NUMBER,
    REPOSITORY,
    REPOSITORY_ID,
    Clock,
    a_pull_request,
    an_archive,
    an_environment,
)
from tests.fakes.github import InMemoryGitHub
from tests.fakes.github_releases import InMemoryReleasesAtGitHub
from tests.fakes.leases import InMemoryLeases
from tests.fakes.package_index import InMemoryIndex
from tests.fakes.registry import InMemoryRegistry
from tests.fakes.seed_queue import InMemorySeedQueue
from tests.fakes.telemetry import InMemoryTelemetry
from tests.fakes.warehouse import InMemoryWarehouse

ALLOWED = frozenset({REPOSITORY})
RUNTIME = Runtime("0.1.0", runtime_modules())
FOLLOW_BASE_HOUR = 4
SETTLE = timedelta(seconds=420)
PATIENCE = timedelta(seconds=900)


class World:
    def __init__(self, lane: str = "preview") -> None:
        self.lane = lane
        self.clock = Clock()
        self.policy = Policy()
        self.push_settle = timedelta(0)
        self.registry = InMemoryRegistry()
        self.leases = InMemoryLeases(self.clock)
        self.sources = InMemorySourceBucket(self.clock)
        self.dags = InMemoryDagsBucket()
        self.artifacts = InMemoryArtifactsBucket()
        self.bus = InMemoryEventBus()
        self.github = InMemoryGitHub()
        self.releases = InMemoryReleasesAtGitHub()
        self.index = InMemoryIndex()
        self.airflow = InMemoryAirflow(self.dags)
        self.warehouse = InMemoryWarehouse({"db_attribution_test": {"m_events": "table", "m_roi": "table"}})
        self.seeds = InMemorySeedQueue()
        self.stack = DataStack(RepositoryLists.parse(""), RepositoryLists.parse("_test"), Access())
        self.telemetry = InMemoryTelemetry()
        self.limits = Limits()

    @property
    def around(self) -> Surroundings:
        return Surroundings(self.registry, self.sources, self.bus, self.telemetry, self.clock)

    @property
    def environment(self) -> Environment:
        found = self.registry.get(REPOSITORY_ID, PULL_NUMBER)
        assert found is not None
        return found

    def record(self, number: int = RELEASE) -> Environment:
        """Of the repository's environment in a release lane, or of its canary."""
        found = self.registry.get(REPOSITORY_ID, number)
        assert found is not None
        return found

    def fetch(self, event: PullRequestEvent | None = None) -> None:
        fetch_source(event or event_about(), by=self.fetcher)

    def fetch_release(self, event: PushEvent) -> None:
        fetch_release(event, releases=self.releases, by=self.fetcher)

    @property
    def fetcher(self) -> Fetcher:
        return Fetcher(
            intake=Intake(self.lane, ALLOWED, self.limits, self.policy, self.push_settle),
            github=self.github,
            index=self.index,
            registry=self.registry,
            leases=self.leases,
            sources=self.sources,
            dags=self.dags,
            artifacts=self.artifacts,
            bus=self.bus,
            telemetry=self.telemetry,
            now=self.clock(),
        )

    def comment(self, text: str, author: str = "alice", **different: object) -> None:
        """A new comment on the pull request, and all that follows from it in ``fetch_source`` and the removal."""
        usual: dict[str, object] = {
            "repository_id": REPOSITORY_ID,
            "repository": REPOSITORY,
            "pull_number": PULL_NUMBER,
            "comment_id": 7,
            "author": author,
            "is_bot": False,
            "text": text,
            "delivery": "delivery-7",
            "at": self.clock(),
        }
        before = len(self.bus.published)
        answer_command(
            CommentEvent(**{**usual, **different}),  # type: ignore[arg-type] # the fields of the comment
            by=Answerer(self.lane, ALLOWED, self.github, self.registry, self.bus, self.telemetry, self.clock()),
        )
        self.follow(self.bus.published[before:])

    def follow(self, published: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """These requests, as the functions read them from their queues."""
        for kind, detail in list(published):
            around = {"id": str(uuid4()), "detail-type": kind, "source": "dagbranch", "resources": []}
            body = on_the_bus(detail, **around)
            if kind == "Environment Requested":
                self.fetch(pull_request_event(body))
            elif kind == "Removal Requested":
                self.remove_until_done(pull_request_event(body))

    def upload(self, files: dict[str, bytes], head_sha: str = FIRST) -> ArchiveUploaded:
        """An archive in the source bucket, as fetch_source or a CI job puts it there."""
        key, archive = an_archive(files, head_sha)
        self.sources.put(key, archive, marker_of(an_environment()))
        return ArchiveUploaded(str(key), self.clock())

    def ask_for_release(self, files: dict[str, bytes], number: int = RELEASE, **different: Any) -> ArchiveUploaded:
        """A commit that is to stand in a release lane, with its archive, as a push or a promotion asks for it."""
        archive = write_canonical_zip(files)
        key = SourceArchiveKey(REPOSITORY, number, different.get("head_sha", FIRST), source_digest(archive))
        before = self.registry.get(REPOSITORY_ID, number)
        usual = {
            "repository_id": REPOSITORY_ID,
            "repository": REPOSITORY,
            "default_branch": "main",
            "head_sha": key.head_sha,
            "number": number,
            "lane": self.lane,
            "delivery": "delivery-1",
            "now": self.clock(),
            "asked_digest": key.source_digest,
        }
        asked = requested_release(before, **{**usual, **different})
        note_request(asked, registry=self.registry, dags=self.dags, artifacts=self.artifacts)
        self.sources.put(key, archive, marker_of(asked))
        return ArchiveUploaded(str(key), self.clock())

    def package(self, upload: ArchiveUploaded, worker: str = "packager", runtime: Runtime = RUNTIME) -> None:
        package_dags(
            upload,
            worker=Worker(self.lane, worker, 120, self.limits),
            around=self.around,
            runtime=runtime,
            dags=self.dags,
            artifacts=self.artifacts,
        )

    def provision(
        self, request: ArchiveUploaded | SeedRequest | DataRequest, worker: str = "provisioner", seconds: int = 600
    ) -> None:
        provision_data(
            request,
            worker=Worker(self.lane, worker, seconds, self.limits),
            around=self.around,
            warehouse=self.warehouse,
            stack=self.stack,
            seeds=self.seeds,
        )

    def fill(self, seconds: int = 600) -> None:
        """Every seed that waits, in order, and again where it says that it is to be brought again."""
        while self.seeds.waiting:
            seed = self.seeds.waiting.pop(0)
            try:
                self.provision(seed, worker="seeder", seconds=seconds)
            except NotYetError:
                self.seeds.waiting.append(seed)
            except SupersededError:
                continue

    def verify(
        self, generation: int | None = None, kind: EventKind = EventKind.PACKAGED, at: datetime | None = None
    ) -> None:
        """For an event that was put on the bus at that time, or when the environment's record was last written."""
        environment = self.environment
        verify_environment(
            EnvironmentEvent(
                kind=kind,
                lane=self.lane,
                repository=REPOSITORY,
                repository_id=REPOSITORY_ID,
                pull_number=PULL_NUMBER,
                head_sha=environment.head_sha,
                generation=environment.generation if generation is None else generation,
                at=at or environment.updated_at,
            ),
            patience=PATIENCE,
            registry=self.registry,
            airflow=self.airflow,
            dags=self.dags,
            bus=self.bus,
            telemetry=self.telemetry,
            now=self.clock(),
        )

    def sweep(self) -> None:
        sweep_environments(
            sweeper=Sweeper(self.lane, ALLOWED, self.policy, FOLLOW_BASE_HOUR),
            seen=Seen(self.github, self.registry, self.dags, self.airflow, lambda: self.warehouse),
            bus=self.bus,
            telemetry=self.telemetry,
            now=self.clock(),
        )

    def remove(
        self,
        event: PullRequestEvent | None = None,
        worker: str = "remover",
        allowed: frozenset[str] = ALLOWED,
        seconds: int = 300,
    ) -> None:
        remove_environment(
            event or event_about(),
            remover=Remover(self.lane, worker, seconds, allowed, SETTLE, self.policy),
            github=self.github,
            places=Places(self.registry, self.sources, self.dags, self.artifacts, self.airflow, self.warehouse),
            bus=self.bus,
            telemetry=self.telemetry,
            clock=self.clock,
        )

    def remove_until_done(self, event: PullRequestEvent | None = None, *, parse: bool = True) -> int:
        """As the queue brings the message again; returns how often it was brought."""
        for attempt in range(1, 40):
            try:
                self.remove(event, worker=f"remover-{attempt}")
            except NotYetError as error:
                self.clock.forward(error.retry_seconds)
                if parse:
                    self.airflow.parse(self.clock())
            else:
                return attempt
        raise AssertionError("the removal never ends")

    def deploy(self, files: dict[str, bytes], head_sha: str = FIRST) -> ArchiveUploaded:
        """A commit all the way into the registry, the bucket and the warehouse."""
        self.github.open(a_pull_request(head_sha=head_sha), files)
        self.fetch()
        newest = max(self.sources.objects, key=lambda key: self.sources.objects[key].serial)
        assert SourceArchiveKey.parse(newest).head_sha == head_sha
        upload = ArchiveUploaded(newest, self.clock())
        self.package(upload)
        self.provision(upload)
        self.fill()
        return upload

    def close(self) -> None:
        """The pull request, as GitHub tells it from now on."""
        self.github.pulls[REPOSITORY, PULL_NUMBER] = a_pull_request(is_open=False, head_sha=self.environment.head_sha)


def ask_for(world: World, head_sha: str) -> None:
    """A newer request, as fetch_source notes it."""
    world.registry.update(
        world.environment,
        lambda newest: replace(
            newest, head_sha=head_sha, generation=newest.generation + 1, status=Status.REQUESTED, seeding=()
        ),
        event="",
    )


def event_about(**different: object) -> PullRequestEvent:
    """GitHub's event for the pull request of the story; ``claims`` is what its payload says."""
    pull = a_pull_request(**different)
    return PullRequestEvent(pull.repository_id, pull.repository, pull.number, pull.head_sha, "delivery-1", pull)
