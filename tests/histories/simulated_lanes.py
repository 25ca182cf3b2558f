"""Two release lanes in memory, stage and prod, each a stack of its own, with one GitHub that tells both."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from dagbranch import events
from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.domain.access import Access
from dagbranch.domain.data_stack import DataStack
from dagbranch.domain.environments import Environment
from dagbranch.domain.github_pages import GitHubPages
from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from dagbranch.domain.policy import Policy
from dagbranch.domain.promotion import Promotion, SignedPromotion
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.requests import PushEvent, SeedRequest
from dagbranch.domain.source_allowance import RepositoryLists
from dagbranch.domain.source_archive import Limits, source_digest, write_canonical_zip
from dagbranch.use_cases.deploy_half import Surroundings, Worker
from dagbranch.use_cases.fetch_release import fetch_release
from dagbranch.use_cases.intake_work import Fetcher, Intake
from dagbranch.use_cases.package_dags import Runtime, package_dags
from dagbranch.use_cases.promote_release import promote_release
from dagbranch.use_cases.promotion_work import Promoter
from dagbranch.use_cases.provision_data import provision_data
from dagbranch.use_cases.removal_work import Places
from dagbranch.use_cases.remove_environment import Remover, remove_environment
from dagbranch.use_cases.report_status import report_status
from dagbranch.use_cases.sweep_environments import Seen, Sweeper, sweep_environments
from dagbranch.use_cases.telling import Reporter
from dagbranch.use_cases.verify_environment import verify_environment
from tests.fakes.audit import InMemoryAudit
from tests.fakes.buckets import InMemorySourceBucket
from tests.fakes.event_patterns import rules
from tests.fakes.examples import REPOSITORY, REPOSITORY_ID, Clock
from tests.fakes.faulty import Faulty, FaultyLeases, Invocation, Outages
from tests.fakes.github import Commit, InMemoryGitHub
from tests.fakes.github_releases import InMemoryReleasesAtGitHub
from tests.fakes.github_reports import InMemoryGitHubReports
from tests.fakes.leases import InMemoryLeases
from tests.fakes.package_index import InMemoryIndex
from tests.fakes.promotions import InMemorySigner, InMemoryVerifier
from tests.fakes.releases import InMemoryReleases
from tests.fakes.reports import InMemoryReports
from tests.fakes.telemetry import InMemoryTelemetry
from tests.fakes.warehouse import InMemoryWarehouse
from tests.histories.simulated_airflow import SimulatedAirflow
from tests.histories.simulated_workers import SimulatedWorkers
from tests.histories.watched_places import (
    WatchedArtifactsBucket,
    WatchedDagsBucket,
    WatchedRegistry,
    WatchedSourceBucket,
)

UPSTREAMS: Final = ("github", "registry", "sources", "next", "dags", "airflow", "warehouse", "bus")
RELEASERS: Final = frozenset({"alice"})
_ALLOWED: Final = frozenset({REPOSITORY})
_RUNTIME: Final = Runtime("0.1.0", runtime_modules())
_SETTLE, _PATIENCE, _FOLLOW_BASE_HOUR = timedelta(seconds=420), timedelta(seconds=900), 4
_ADAPTER_WRITES_AGAIN: Final = frozenset({"update"})  # the registry's own loop reads, changes and writes once more
_DAG: Final = b"import airflow\nfrom airflow import DAG\n\nDAG('qu.test_dag')\n"
# What a commit holds, by kind.
KINDS: Final[Mapping[str, Mapping[str, bytes]]] = {
    "one": {"dags/one.py": _DAG},
    "two": {"dags/one.py": _DAG, "dags/two.py": _DAG},
    "soaks": {"dags/one.py": _DAG, "dagbranch.yaml": b"version: 1\nlanes: {prod: {promotion: {soak: 2h}}}\n"},
    "auto": {"dags/one.py": _DAG, "dagbranch.yaml": b"version: 1\nlanes: {prod: {promotion: {auto: true}}}\n"},
    "broken": {"dags/one.py": _DAG, "dags/broken.py": _DAG},
}
_PUBLIC_KEY: Final = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE=="


class SimulatedReleasesAtGitHub(InMemoryReleasesAtGitHub):
    """``tell_all``: each event goes to every lane that the webhook's stack forwards it to."""

    def __init__(self, clock: Clock, tell_all: Callable[[str, Mapping[str, object]], None]) -> None:
        super().__init__()
        self.source = InMemoryGitHub()
        self._clock = clock
        self._tell_all = tell_all

    def merge(self, files: Mapping[str, bytes]) -> str:
        """One more commit on the default branch."""
        head_sha = f"{len(self.history) + 1:02x}" * 20
        self.source.commits[head_sha] = Commit(files)
        self.push(head_sha)
        self.tell_of_push()
        return head_sha

    def tell_of_push(self) -> None:
        self._tell("push", {"ref": f"refs/heads/{self.branch}", "deleted": False})

    def deploy(self, environment: str, head_sha: str, payload: object = None, **different: Any) -> AskedDeployment:
        made = super().deploy(environment, head_sha, payload, **{"created_at": self._clock(), **different})
        self._tell("deployment", {"action": "created", "deployment": {"id": made.id, "environment": environment}})
        return made

    def tell(self, deployment_id: int, status: str) -> None:
        super().tell(deployment_id, status)
        about = {"id": deployment_id, "environment": self.deployments[deployment_id].environment}
        self._tell(
            "deployment_status", {"action": "created", "deployment": about, "deployment_status": {"state": status}}
        )

    def _tell(self, name: str, payload: Mapping[str, object]) -> None:
        self._tell_all(name, {**payload, "repository": {"id": REPOSITORY_ID, "full_name": REPOSITORY}})


class WatchedSigner:
    """The port; keeps what it has ever signed: nothing else may stand in the next lane."""

    def __init__(self) -> None:
        self.signed: list[Promotion] = []
        self._inner = InMemorySigner()

    def sign(self, text: str) -> SignedPromotion:
        self.signed.append(Promotion.parse(text))
        return self._inner.sign(text)


class ReleaseRegistry(WatchedRegistry):
    """``was_ready``: every number and commit that ever was. A release that is held moves by a person's word alone."""

    def __init__(self, github: SimulatedReleasesAtGitHub) -> None:
        super().__init__(lambda _: None)
        self.was_ready: set[tuple[int, str]] = set()
        self._github = github

    def save(self, environment: Environment, event: str) -> Environment:
        before = self.get(*environment.key)
        written = super().save(environment, event)
        if written.ready_at is not None:
            self.was_ready.add((written.pull_number, written.head_sha))
        if before is not None and before.held is not None and before.head_sha != written.head_sha:
            self._check_person(written)
        return written

    def _check_person(self, moved: Environment) -> None:
        assert moved.asked_by is not None, f"{moved.lane} was held, and a push moved it to {moved.head_sha[:4]}"
        asked = self._github.deployments[moved.asked_by]
        assert asked.made_by_app is None, f"{moved.lane} was held, and moved by itself to {moved.head_sha[:4]}"


class SimulatedLane(SimulatedWorkers):
    """``before``: the lane whose promotions it takes."""

    def __init__(
        self, lanes: SimulatedLanes, lane: str, next_lane: SimulatedLane | None, signer: WatchedSigner
    ) -> None:
        self.lane = lane
        self.next = next_lane
        self.is_first = next_lane is not None
        self.bucket = f"{lane}-sources"
        parameters = {"Lane": lane, "SourceBucket": self.bucket, "AllowedRepositories": REPOSITORY}
        parameters |= {"NextLane": next_lane.lane} if next_lane else {"PromotionPublicKey": _PUBLIC_KEY}
        super().__init__(list(rules(parameters)), self._do, lanes.clock, lanes.outages)
        self.github = lanes.github
        self.signer = signer
        self.policy = Policy()
        self.github_reports = InMemoryGitHubReports(lanes.github)
        self.reports = InMemoryReports()
        self.registry = ReleaseRegistry(lanes.github)
        self.ledger = InMemoryReleases()
        self.audit = InMemoryAudit()
        self.leases = InMemoryLeases(self.clock)
        self.sources = AnnouncingSourceBucket(self._uploaded, self.clock)
        self.dags = WatchedDagsBucket(self.registry, other_lane="preview")
        self.artifacts = WatchedArtifactsBucket()
        self.airflow = SimulatedAirflow(self.dags, tells_all=True)
        self.warehouse = InMemoryWarehouse({"db_test": {"m_events": "table"}})
        self.stack = DataStack(RepositoryLists.parse(""), RepositoryLists.parse("_test"), Access())
        self._names = (f"{lane}-worker-{number}" for number in itertools.count(1))

    @property
    def release(self) -> Environment | None:
        return self.registry.get(REPOSITORY_ID, RELEASE)

    @property
    def messages(self) -> list[str]:
        return [f"{one.name} {message.body[:300]}" for one in self.queues.values() for message in one.messages]

    def sweep(self) -> None:
        self.queues["SweepEnvironmentsQueue"].put("{}", self.clock())

    def tick(self) -> None:
        self.queues["PromoteReleaseQueue"].put("{}", self.clock())

    # work

    def _do(self, function: str, body: str, timeout: timedelta, now: datetime, invocation: Invocation) -> None:
        work: Mapping[str, Callable[[_Ports, str, int, datetime], None]] = {
            "FetchSource": self._fetch,
            "PackageDags": self._package,
            "ProvisionData": self._provision,
            "VerifyEnvironment": self._verify,
            "SweepEnvironments": self._sweep,
            "RemoveEnvironment": self._remove,
            "ReportStatus": self._report,
            "PromoteRelease": self._promote,
        }
        work[function](_Ports(self, invocation), body, int(timeout.total_seconds()) + 1, now)

    def _fetch(self, ports: _Ports, body: str, _: int, now: datetime) -> None:
        push = events.fetch_work(body)
        assert isinstance(push, PushEvent), "nothing else comes to a release lane"
        by = Fetcher(
            intake=Intake(self.lane, _ALLOWED, Limits(), self.policy),
            github=ports.source,
            index=InMemoryIndex(),
            registry=ports.registry,
            leases=ports.leases,
            sources=ports.sources,
            dags=ports.dags,
            artifacts=ports.artifacts,
            bus=ports.bus,
            telemetry=InMemoryTelemetry(),
            now=now,
        )
        fetch_release(push, releases=ports.github, by=by)

    def _promote(self, ports: _Ports, body: str, seconds: int, now: datetime) -> None:
        work = events.release_work(body, self.lane)
        assert work is not None, "only what is for the release lanes comes here"
        by = Promoter(
            lane=self.lane,
            next_lane=self.next.lane if self.next else None,
            first_release_lane=self.is_first,
            allowed_repositories=_ALLOWED,
            releasers=RELEASERS,
            app_id=self.github.our_app,
            limits=Limits(),
            lease_seconds=seconds,
            github=ports.github,
            registry=ports.registry,
            releases=ports.ledger,
            audit=ports.audit,
            sources=ports.sources,
            next_bucket=ports.next_bucket,
            signer=ports.signer,
            verifier=None if self.is_first else InMemoryVerifier(),
            airflow=lambda: ports.airflow,
            warehouse=lambda: ports.warehouse,
            dags=ports.dags,
            artifacts=ports.artifacts,
            bus=ports.bus,
            leases=ports.leases,
            telemetry=InMemoryTelemetry(),
            now=now,
        )
        promote_release(work, by=by)

    def _package(self, ports: _Ports, body: str, seconds: int, _: datetime) -> None:
        package_dags(
            events.archive_uploaded(body),
            worker=Worker(self.lane, next(self._names), seconds, Limits()),
            runtime=_RUNTIME,
            around=self._around(ports),
            dags=ports.dags,
            artifacts=ports.artifacts,
        )

    def _provision(self, ports: _Ports, body: str, seconds: int, _: datetime) -> None:
        provision_data(
            events.data_work(body, self.lane),
            worker=Worker(self.lane, next(self._names), seconds, Limits()),
            around=self._around(ports),
            warehouse=ports.warehouse,
            stack=self.stack,
            seeds=_NoSeeds(),
        )

    def _verify(self, ports: _Ports, body: str, _: int, now: datetime) -> None:
        verify_environment(
            events.environment_event(body),
            patience=_PATIENCE,
            registry=ports.registry,
            airflow=ports.airflow,
            dags=ports.dags,
            bus=ports.bus,
            telemetry=InMemoryTelemetry(),
            now=now,
        )

    def _sweep(self, ports: _Ports, _body: str, _: int, now: datetime) -> None:
        sweep_environments(
            sweeper=Sweeper(self.lane, _ALLOWED, self.policy, _FOLLOW_BASE_HOUR),
            seen=Seen(ports.source, ports.registry, ports.dags, ports.airflow, lambda: ports.warehouse),
            bus=ports.bus,
            telemetry=InMemoryTelemetry(),
            now=now,
        )

    def _remove(self, ports: _Ports, body: str, seconds: int, _: datetime) -> None:
        remove_environment(
            events.pull_request_event(body),
            remover=Remover(self.lane, next(self._names), seconds, _ALLOWED, _SETTLE, self.policy),
            github=ports.source,
            places=Places(ports.registry, ports.sources, ports.dags, ports.artifacts, ports.airflow, ports.warehouse),
            bus=ports.bus,
            telemetry=InMemoryTelemetry(),
            clock=self.clock,
        )

    def _report(self, ports: _Ports, body: str, seconds: int, _: datetime) -> None:
        work = events.report_work(body, self.lane)
        assert work is not None, "only this lane's come here"
        by = Reporter(
            lane=self.lane,
            allowed_repositories=_ALLOWED,
            has_deployments=False,
            lease_seconds=seconds,
            pages=GitHubPages(),
            registry=ports.registry,
            reports=ports.reports,
            github=ports.github_reports,
            ledger=ports.ledger,
            deployments=ports.github,
            leases=ports.leases,
            telemetry=InMemoryTelemetry(),
        )
        report_status(work, by=by)

    def _around(self, ports: _Ports) -> Surroundings:
        return Surroundings(ports.registry, ports.sources, ports.bus, InMemoryTelemetry(), self.clock)

    def _uploaded(self, key: str) -> None:
        self.put_event("aws.s3", "Object Created", {"bucket": {"name": self.bucket}, "object": {"key": key}})


class SimulatedLanes:
    """Stage and prod with one clock, and the outages of both."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.outages = Outages()
        self.github = SimulatedReleasesAtGitHub(self.clock, self._tell_all)
        self.signer = WatchedSigner()
        self.prod = SimulatedLane(self, "prod", None, self.signer)
        self.stage = SimulatedLane(self, "stage", self.prod, self.signer)
        self.lanes = (self.stage, self.prod)
        self._deliveries = itertools.count(1)

    def pass_time(self, seconds: float) -> None:
        self.clock.forward(seconds)
        for lane in self.lanes:
            lane.airflow.pass_time(self.clock())
            lane.kill_who_takes_too_long()

    def work_off(self, most: int) -> int:
        return sum(lane.work_off(most) for lane in self.lanes)

    def work_on(self, minutes: int) -> None:
        for _ in range(4 * minutes):
            self.work_off(40)
            self.pass_time(15)

    def rest(self) -> None:
        """Until nobody has anything to do; what waits for long is brought again for an hour at most."""
        for _ in range(240):
            if not any(queue.messages for lane in self.lanes for queue in lane.queues.values()):
                return
            self.work_off(40)
            self.pass_time(15)

    def forge(self, index: int, how: str) -> None:
        """An archive in prod's bucket that stage did not put there, or did for something else, or long ago."""
        theirs = self.prod.sources
        archive = write_canonical_zip({"dags/evil.py": _DAG})
        head_sha = self.github.history[index % len(self.github.history)]
        number = RELEASE if index % 2 else CANARY
        key = SourceArchiveKey(REPOSITORY, number, head_sha, source_digest(archive))
        signed = sorted(key for key in theirs.promotions if key in theirs.objects)
        old = signed[index % len(signed)] if signed else None
        match how:
            case "unsigned":
                theirs.put(key, archive, {})
            case "signed by another":
                text = str(self._promotion_of(key))
                theirs.put_promoted(key, archive, InMemorySigner(b"another key").sign(text))
            case "of another commit" if old is not None:
                theirs.put_promoted(key, archive, theirs.promotions[old])
            case "other bytes" if old is not None:
                theirs.put_promoted(SourceArchiveKey.parse(old), archive, theirs.promotions[old])
            case "once more" if old is not None:
                content = theirs.objects[old].content
                theirs.put_promoted(SourceArchiveKey.parse(old), content, theirs.promotions[old])
            case "into stage":
                self.stage.sources.put(replace(key, pull_number=RELEASE), archive, {})

    def _promotion_of(self, key: SourceArchiveKey) -> Promotion:
        return Promotion(
            repository_id=REPOSITORY_ID,
            repository=key.repository,
            head_sha=key.head_sha,
            source_digest=key.source_digest,
            zip_sha256="e" * 64,
            version=_RUNTIME.version,
            source="stage",
            target="prod",
            is_canary=key.pull_number == CANARY,
            deployment_id=max(self.github.deployments, default=1),
            by="alice",
            at=self.clock(),
        )

    def _tell_all(self, name: str, payload: Mapping[str, object]) -> None:
        delivery = f"delivery-{next(self._deliveries)}"
        for lane in self.lanes:
            lane.put_event("github.com", name, json.loads(json.dumps(payload)), [delivery])


class AnnouncingSourceBucket(WatchedSourceBucket):
    """S3 tells of an archive that is announced again as of a new one, and of one only once its metadata is there."""

    def put_promoted(self, key: SourceArchiveKey, archive: bytes, signed: SignedPromotion) -> None:
        InMemorySourceBucket.put(self, key, archive, {})
        self.promotions[str(key)] = signed
        self._uploaded(str(key))

    def announce(self, key: SourceArchiveKey) -> None:
        super().announce(key)
        self._uploaded(str(key))


class _Bus:
    """The port: dagbranch's own events."""

    def __init__(self, lane: SimulatedLane) -> None:
        self._lane = lane

    def publish(self, detail_type: str, detail: Mapping[str, object]) -> None:
        # As it would arrive: what is no JSON fails here, too.
        self._lane.put_event("dagbranch", str(detail_type), json.loads(json.dumps(detail)))

    def publish_all(self, several: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        for detail_type, detail in several:
            self.publish(detail_type, detail)


class _NextLane:
    """The port: one put, with what is signed as its metadata."""

    def __init__(self, lane: SimulatedLane) -> None:
        self._lane = lane

    def put(self, promotion: SignedPromotion, key: SourceArchiveKey, archive: bytes) -> None:
        self._lane.sources.put_promoted(key, archive, promotion)


class _NoSeeds:
    """The port: nothing is filled in these lanes."""

    def request(self, seed: SeedRequest) -> None:
        raise AssertionError(f"nothing is to be filled: {seed}")


class _Ports:
    """All that one invocation reaches, so that it can be cut off from it at any call."""

    def __init__(self, lane: SimulatedLane, invocation: Invocation) -> None:
        def faulty(inner: object, upstream: str, retried: frozenset[str] = frozenset()) -> Any:
            return Faulty(inner, upstream, invocation, retried)

        self.github = faulty(lane.github, "github")
        self.source = faulty(lane.github.source, "github")
        self.github_reports = faulty(lane.github_reports, "github")
        self.registry = faulty(lane.registry, "registry", _ADAPTER_WRITES_AGAIN)
        self.reports = faulty(lane.reports, "registry")
        self.ledger = faulty(lane.ledger, "registry")
        self.audit = faulty(lane.audit, "registry")
        self.leases = FaultyLeases(lane.leases, "registry", invocation)
        self.sources = faulty(lane.sources, "sources")
        self.next_bucket = faulty(_NextLane(lane.next), "next") if lane.next else None
        self.signer = faulty(lane.signer, "next") if lane.next else None
        self.dags = faulty(lane.dags, "dags")
        self.artifacts = faulty(lane.artifacts, "dags")
        self.airflow = faulty(lane.airflow, "airflow")
        self.warehouse = faulty(lane.warehouse, "warehouse")
        self.bus = faulty(_Bus(lane), "bus")
