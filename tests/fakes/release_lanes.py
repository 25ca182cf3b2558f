"""Two release lanes, each with its places in memory, under one GitHub, and their promote_release as queues call it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dagbranch.domain.environments import Environment, Half
from dagbranch.domain.life_cycle import failed, ready, with_data, with_pipeline
from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.release_jobs import ReleaseEvent
from dagbranch.domain.release_requests import requested_release
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.releases import Release
from dagbranch.domain.requests import ArchiveUploaded, DeploymentEvent, EnvironmentEvent, EventKind, ReleaseTick
from dagbranch.domain.source_archive import Limits, source_digest, write_canonical_zip
from dagbranch.use_cases.note_request import note_release
from dagbranch.use_cases.promote_release import promote_release
from dagbranch.use_cases.promotion_work import Promoter
from tests.fakes.airflow import InMemoryAirflow
from tests.fakes.audit import InMemoryAudit
from tests.fakes.buckets import InMemoryArtifactsBucket, InMemoryDagsBucket, InMemorySourceBucket
from tests.fakes.event_bus import InMemoryEventBus
from tests.fakes.examples import FILES, REPOSITORY, REPOSITORY_ID, Clock
from tests.fakes.github_releases import InMemoryReleasesAtGitHub
from tests.fakes.leases import InMemoryLeases
from tests.fakes.promotions import InMemoryNextLane, InMemorySigner, InMemoryVerifier
from tests.fakes.registry import InMemoryRegistry
from tests.fakes.releases import InMemoryReleases
from tests.fakes.telemetry import InMemoryTelemetry
from tests.fakes.warehouse import InMemoryWarehouse

VERSION = "0.1.0"
RELEASERS = frozenset({"alice", "carol"})
LEASE_SECONDS = 300


class LaneInMemory:
    """``around``: what each port is wrapped in, by its name, where a test lets a worker die."""

    def __init__(
        self, lane: str, clock: Clock, github: InMemoryReleasesAtGitHub, following: LaneInMemory | None
    ) -> None:
        self.lane = lane
        self.clock = clock
        self.github = github
        self.following = following
        self.registry = InMemoryRegistry()
        self.releases = InMemoryReleases()
        self.audit = InMemoryAudit()
        self.sources = InMemorySourceBucket(clock)
        self.dags = InMemoryDagsBucket()
        self.artifacts = InMemoryArtifactsBucket()
        self.airflow = InMemoryAirflow(self.dags)
        self.warehouse = InMemoryWarehouse({f"db_attribution_{lane}": {"m_roi": "table"}})
        self.bus = InMemoryEventBus()
        self.leases = InMemoryLeases(clock)
        self.telemetry = InMemoryTelemetry()
        self.releasers = RELEASERS
        self.around: Callable[[str, Any], Any] = lambda _, port: port

    @property
    def promoter(self) -> Promoter:
        around, following = self.around, self.following
        return Promoter(
            lane=self.lane,
            next_lane=following.lane if following else None,
            first_release_lane=self.lane == "stage",
            allowed_repositories=frozenset({REPOSITORY}),
            releasers=self.releasers,
            app_id=self.github.our_app,
            limits=Limits(),
            lease_seconds=LEASE_SECONDS,
            github=around("github", self.github),
            registry=around("registry", self.registry),
            releases=around("releases", self.releases),
            audit=around("audit", self.audit),
            sources=around("sources", self.sources),
            next_bucket=around("next bucket", InMemoryNextLane(following.sources)) if following else None,
            signer=around("signer", InMemorySigner()) if following else None,
            verifier=None if self.lane == "stage" else InMemoryVerifier(),
            airflow=lambda: around("airflow", self.airflow),
            warehouse=lambda: around("warehouse", self.warehouse),
            dags=around("dags", self.dags),
            artifacts=around("artifacts", self.artifacts),
            bus=around("bus", self.bus),
            leases=around("leases", self.leases),
            telemetry=self.telemetry,
            now=self.clock(),
        )

    @property
    def record(self) -> Environment:
        found = self.registry.get(REPOSITORY_ID, RELEASE)
        assert found is not None
        return found

    @property
    def canary(self) -> Environment | None:
        return self.registry.get(REPOSITORY_ID, CANARY)

    @property
    def deeds(self) -> list[tuple[str, str, str]]:
        """In the order in which they were noted."""
        return [(one.deed, one.by, one.head_sha[:1]) for one in self.audit.told]

    def line(self, head_sha: str) -> Release:
        found = self.releases.get(REPOSITORY_ID, head_sha)
        assert found is not None
        return found

    def work(self, event: ReleaseEvent) -> None:
        promote_release(event, by=self.promoter)

    def hear(self, asked: AskedDeployment) -> None:
        self.work(DeploymentEvent(REPOSITORY_ID, REPOSITORY, asked.id, asked.environment, f"delivery-{asked.id}"))

    def tick(self) -> None:
        self.work(ReleaseTick())

    def push(self, head_sha: str, files: dict[str, bytes] | None = None) -> None:
        """As fetch_release asks for the default branch's newest commit, and puts its archive."""
        archive = write_canonical_zip(FILES if files is None else files)
        existing = self.registry.get(REPOSITORY_ID, RELEASE)
        asked = requested_release(
            existing,
            repository_id=REPOSITORY_ID,
            repository=REPOSITORY,
            default_branch="main",
            head_sha=head_sha,
            number=RELEASE,
            lane=self.lane,
            delivery=f"push of {head_sha[:7]}",
            now=self.clock(),
            asked_digest=source_digest(archive),
        )
        noted = note_release(asked, registry=self.registry, dags=self.dags, artifacts=self.artifacts)
        self.sources.put(
            SourceArchiveKey(REPOSITORY, RELEASE, head_sha, source_digest(archive)), archive, marker_of(noted)
        )
        self.github.push(head_sha)

    def stand(self, number: int = RELEASE) -> EnvironmentEvent:
        """As the halves are deployed and Airflow lists them; the event is still to be worked on."""
        record = self.registry.get(REPOSITORY_ID, number)
        assert record is not None
        assert record.asked_digest is not None
        zip_sha256 = hashlib.sha256(f"zip of {record.asked_digest}".encode()).hexdigest()
        half = Half(
            record.asked_digest,
            record.head_sha,
            record.generation,
            self.clock(),
            zip_sha256=zip_sha256,
            version=VERSION,
        )

        def change(newest: Environment) -> Environment:
            deployed = with_pipeline(with_data(newest, half, ()), half)
            return ready(deployed, record.generation, ["qu.test_dag"], self.clock())

        return self._event(EventKind.READY, self.registry.update(record, change, event="ready"))

    def fail(self, why: str) -> EnvironmentEvent:
        record = self.record
        noted = self.registry.update(
            record, lambda newest: failed(newest, record.generation, why, self.clock()), event="failed"
        )
        return self._event(EventKind.FAILED, noted)

    def drift(self, number: int = RELEASE) -> EnvironmentEvent:
        """As the sweep asks for a repair."""
        record = self.registry.get(REPOSITORY_ID, number)
        assert record is not None
        return self._event(EventKind.ENVIRONMENT_REQUESTED, record)

    def bring(self, head_sha: str, files: dict[str, bytes] | None = None) -> None:
        """A push, all the way into Airflow and the ledger."""
        self.push(head_sha, files)
        self.work(self.stand())

    def arrive(self, key: str | None = None) -> None:
        """What the bucket tells of the archive that was put last, or lies at the key."""
        newest = key or max(self.sources.objects, key=lambda one: self.sources.objects[one].serial)
        self.work(ArchiveUploaded(newest, self.clock()))

    def _event(self, kind: EventKind, record: Environment) -> EnvironmentEvent:
        return EnvironmentEvent(
            kind=kind,
            lane=self.lane,
            repository=REPOSITORY,
            repository_id=REPOSITORY_ID,
            pull_number=record.pull_number,
            head_sha=record.head_sha,
            generation=record.generation,
            at=self.clock(),
        )


@dataclass(frozen=True)
class Lanes:
    stage: LaneInMemory
    prod: LaneInMemory
    github: InMemoryReleasesAtGitHub
    clock: Clock

    def deploy(self, environment: str, head_sha: str, payload: object = None, **different: Any) -> AskedDeployment:
        """A deployment at GitHub, that both lanes are told of."""
        asked = self.github.deploy(environment, head_sha, payload, created_at=self.clock(), **different)
        self.tell(asked)
        return asked

    def tell(self, asked: AskedDeployment) -> None:
        self.stage.hear(asked)
        if asked.environment == self.prod.lane:
            self.prod.hear(asked)

    def promote(self, head_sha: str, payload: object = None) -> AskedDeployment:
        """All the way: asked for, passed, put, accepted, and ready in prod."""
        asked = self.deploy("prod", head_sha, payload)
        self.prod.arrive()
        self.prod.work(self.prod.stand())
        self.clock.forward(60)
        return asked


def two_lanes() -> Lanes:
    clock, github = Clock(), InMemoryReleasesAtGitHub()
    prod = LaneInMemory("prod", clock, github, None)
    return Lanes(LaneInMemory("stage", clock, github, prod), prod, github, clock)


def pipeline_file(**promotion: Any) -> dict[str, bytes]:
    """A repository whose commits come into prod as this says."""
    lines = [f"      {name}: {value}" for name, value in promotion.items()]
    text = "\n".join(["version: 1", "lanes:", "  prod:", "    promotion:", *lines, ""])
    return {**FILES, "dagbranch.yaml": text.encode()}
