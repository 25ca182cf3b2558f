"""A whole stack for many environments: the real adapters on moto and on the double of GitHub, the rest in memory."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, cast

import boto3
from botocore.config import Config
from moto.s3.models import s3_backends

from benchmarks.parts.scale_airflow import ScaleAirflow
from benchmarks.parts.scale_github import DAGS, FILES, REPOSITORY, TOKEN, branch_of
from benchmarks.parts.scale_meter import Meter, Tally
from benchmarks.parts.scale_moto import copy_objects, quicken_moto
from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.adapters.s3 import S3ArtifactsBucket, S3DagsBucket, S3SourceBucket
from dagbranch.adapters.s3_objects import PARALLEL_REQUESTS
from dagbranch.domain.access import Access
from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.data_stack import DataStack
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import SourceArchiveKey, environment_name, zip_key
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.policy import Policy
from dagbranch.domain.requests import ArchiveUploaded, EnvironmentEvent, EventKind, PullRequestEvent
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.source_allowance import RepositoryLists
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits, source_digest, write_canonical_zip
from dagbranch.errors import NotYetError
from dagbranch.events import pull_request_event
from dagbranch.ports import Warehouse
from dagbranch.use_cases.deploy_half import Surroundings, Worker
from dagbranch.use_cases.fetch_source import fetch_source
from dagbranch.use_cases.intake_work import Fetcher, Intake
from dagbranch.use_cases.package_dags import Runtime, package_dags
from dagbranch.use_cases.provision_data import provision_data
from dagbranch.use_cases.removal_work import Places
from dagbranch.use_cases.remove_environment import Remover, remove_environment
from dagbranch.use_cases.sweep_environments import Seen, Sweeper, sweep_environments
from dagbranch.use_cases.verify_environment import verify_environment
from tests.fakes.examples import Clock
from tests.fakes.leases import InMemoryLeases
from tests.fakes.package_index import InMemoryIndex
from tests.fakes.seed_queue import InMemorySeedQueue
from tests.fakes.telemetry import InMemoryTelemetry
from tests.fakes.template import registry_table
from tests.fakes.warehouse import InMemoryWarehouse

_LANE: Final = "preview"
_ACCOUNT: Final = "123456789012"  # moto's only one
_REGION: Final = "us-east-1"
_TABLE, _BUS, _DAGS, _SOURCES = "registry", "dagbranch", "acme-mwaa", "acme-sources"
_ALLOWED: Final = frozenset({REPOSITORY})
_SECONDS: Final = 300
_FOLLOW_BASE_HOUR: Final = 4

type Event = tuple[str, PullRequestEvent]  # its detail-type


class ScaleStack:
    """To be made and used within ``moto.mock_aws``. Each function is called as its handler calls it."""

    def __init__(self, github_url: str, repository_id: int, dags: Collection[str] | None = None) -> None:
        quicken_moto()
        self.meter = Meter()
        self.clock = Clock()
        self.policy = Policy()
        self._repository_id = repository_id
        self._s3, dynamodb, bus = _account(self.meter)
        self._github = PyGithubGitHub(github_url, TOKEN)
        self.registry = DynamoDbRegistry(dynamodb, _TABLE)
        self.leases = InMemoryLeases(self.clock)
        self.sources = _Uploads(self._s3, _SOURCES)
        self.dags = S3DagsBucket(self._s3, _DAGS, "dags")
        self.artifacts = S3ArtifactsBucket(self._s3, _DAGS, "artifacts")
        names = [f"pipeline_{number}" for number in range(DAGS)] if dags is None else list(dags)
        self.airflow = ScaleAirflow(_zip_stands, self.clock, names, self.meter)
        self._warehouse = InMemoryWarehouse({"db_attribution_test": {"m_events": "table"}})
        self.warehouse = cast("Warehouse", _Counted(self._warehouse, "Warehouse", self.meter))
        self._bus = EventBridgeBus(bus, _BUS)
        self._telemetry = InMemoryTelemetry()
        self._runtime = Runtime("0.1.0", runtime_modules())
        self._limits = Limits()

    def taken(self) -> Tally:
        """What was asked since this was last called."""
        tally, self.meter.tally = self.meter.tally, Tally()
        return tally

    # Steps

    def fill(self, numbers: Sequence[int], head_sha: str) -> None:
        """Environments that stand: the first is deployed, the others are copies of what it left behind."""
        first, *others = numbers
        self.deploy(self.ask_for(first, head_sha, write_canonical_zip(FILES), FILES), first)
        record = self.registry.get(self._repository_id, first)
        assert record is not None, "it was asked for"
        copies = [_copied(record, number) for number in others]
        copy_objects((_DAGS, _SOURCES), record, copies)
        for copy in copies:
            self.registry.claim(copy, [copy.claimed_name], event="requested")
            schemas = zip(record.schemas, copy.schemas, strict=True)
            self._warehouse.stands |= {
                new: replace(self._warehouse.stands[old], comment=_comment(copy)) for old, new in schemas
            }
            self.airflow.add(copy.claimed_name, head_sha)

    def ask_for(self, number: int, head_sha: str, archive: bytes, files: Mapping[str, bytes]) -> str:
        """What ``fetch_source`` leaves behind for a pull request's commit. Returns the archive's key."""
        environment = self._requested(number, head_sha, files)
        key = SourceArchiveKey(REPOSITORY, number, head_sha, source_digest(archive))
        self.sources.put(key, archive, marker_of(environment))
        return str(key)

    def deploy(self, key: str, number: int) -> None:
        """Both halves, and Airflow's word that it stands."""
        upload = ArchiveUploaded(key, self.clock())
        around = Surroundings(self.registry, self.sources, self._bus, self._telemetry, self.clock)
        worker = Worker(_LANE, "worker", _SECONDS, self._limits)
        with self.meter.invocation("package_dags"):
            package_dags(
                upload,
                worker=worker,
                around=around,
                runtime=self._runtime,
                dags=self.dags,
                artifacts=self.artifacts,
            )
        self.airflow.add(environment_name(branch_of(number)), SourceArchiveKey.parse(key).head_sha)
        self._verify(EventKind.PACKAGED, number)
        with self.meter.invocation("provision_data"):
            provision_data(
                upload,
                worker=worker,
                around=around,
                warehouse=self.warehouse,
                stack=DataStack(RepositoryLists.parse(""), RepositoryLists.parse("_test"), Access()),
                seeds=InMemorySeedQueue(),
            )
        self._verify(EventKind.PROVISIONED, number)

    def sweep(self) -> list[Event]:
        """What it asks for on the bus."""
        self.meter.put_events.clear()
        with self.meter.invocation("sweep_environments"):
            sweep_environments(
                sweeper=Sweeper(_LANE, _ALLOWED, self.policy, _FOLLOW_BASE_HOUR),
                seen=Seen(self._github, self.registry, self.dags, self.airflow, lambda: self.warehouse),
                bus=self._bus,
                telemetry=self._telemetry,
                now=self.clock(),
            )
        return [(one["DetailType"], pull_request_event(_message(one))) for one in self.meter.put_events]

    def remove(self, events: Iterable[Event]) -> None:
        """All at once, as their queue brings them, and again when each says so."""
        order = itertools.count()
        waiting = [(self.clock(), next(order), event) for kind, event in events if kind == EventKind.REMOVAL_REQUESTED]
        while waiting:
            due, _, event = heapq.heappop(waiting)
            self.clock.now = max(self.clock.now, due)
            try:
                self._remove(event)
            except NotYetError as later:
                heapq.heappush(waiting, (self.clock() + timedelta(seconds=later.retry_seconds), next(order), event))

    def take_in(self, events: Iterable[Event]) -> None:
        """What asks for an environment, all the way to Airflow's word where it gets one."""
        for kind, event in events:
            if kind == EventKind.ENVIRONMENT_REQUESTED:
                self.sources.newest = None
                self._fetch(event)
                if self.sources.newest is not None:
                    self.deploy(self.sources.newest, event.pull_number)

    def _requested(self, number: int, head_sha: str, files: Mapping[str, bytes]) -> Environment:
        standing = self.registry.get(self._repository_id, number)
        if standing is not None:
            newer = replace(standing, head_sha=head_sha, status=Status.REQUESTED, generation=standing.generation + 1)
            return self.registry.save(newer, event="requested")
        asked = Environment(
            repository_id=self._repository_id,
            repository=REPOSITORY,
            pull_number=number,
            lane=_LANE,
            status=Status.REQUESTED,
            head_sha=head_sha,
            branch=branch_of(number),
            updated_at=self.clock(),
            requested_at=self.clock(),
            generation=1,
            guard=DataGuard.of(parse_pipeline_file(files.get(PIPELINE_FILE)).data_of(_LANE)),
        )
        return self.registry.claim(asked, [environment_name(branch_of(number))], event="requested")

    def _fetch(self, event: PullRequestEvent) -> None:
        with self.meter.invocation("fetch_source"):
            fetch_source(
                event,
                by=Fetcher(
                    intake=Intake(_LANE, _ALLOWED, self._limits, self.policy),
                    github=self._github,
                    index=InMemoryIndex(),
                    registry=self.registry,
                    leases=self.leases,
                    sources=self.sources,
                    dags=self.dags,
                    artifacts=self.artifacts,
                    bus=self._bus,
                    telemetry=self._telemetry,
                    now=self.clock(),
                ),
            )

    def _verify(self, kind: EventKind, number: int) -> None:
        newest = self.registry.get(self._repository_id, number)
        assert newest is not None, "it was asked for"
        event = EnvironmentEvent(
            kind, _LANE, REPOSITORY, self._repository_id, number, newest.head_sha, newest.generation, self.clock()
        )
        with self.meter.invocation("verify_environment"):
            verify_environment(
                event,
                patience=timedelta(minutes=15),
                registry=self.registry,
                airflow=self.airflow,
                dags=self.dags,
                bus=self._bus,
                telemetry=self._telemetry,
                now=self.clock(),
            )

    def _remove(self, event: PullRequestEvent) -> None:
        places = Places(self.registry, self.sources, self.dags, self.artifacts, self.airflow, self.warehouse)
        with self.meter.invocation("remove_environment"):
            remove_environment(
                event,
                remover=Remover(_LANE, "remover", _SECONDS, _ALLOWED, timedelta(seconds=420), self.policy),
                github=self._github,
                places=places,
                bus=self._bus,
                telemetry=self._telemetry,
                clock=self.clock,
            )


class _Uploads(S3SourceBucket):
    """Knows the last archive: its arrival is the next function's event."""

    newest: str | None = None

    def put(self, key: SourceArchiveKey, archive: bytes, marker: Mapping[str, str]) -> None:
        super().put(key, archive, marker)
        self.newest = str(key)


class _Counted:
    """A port in memory; each question counts as one request."""

    def __init__(self, port: object, upstream: str, meter: Meter) -> None:
        self._port = port
        self._upstream = upstream
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def ask(*arguments: object, **named: object) -> Any:
            self._meter.count(f"{self._upstream} {name}")
            with self._meter.outside():
                return method(*arguments, **named)

        return ask


def _account(meter: Meter) -> tuple[Any, Any, Any]:
    """Clients of S3, DynamoDB and EventBridge, with all in place that the template makes."""
    session = boto3.Session(aws_access_key_id="made-up", aws_secret_access_key="made-up", region_name=_REGION)
    s3 = session.client("s3")
    for bucket in (_DAGS, _SOURCES):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    session.client("dynamodb").create_table(**registry_table(_TABLE))
    session.client("events").create_event_bus(Name=_BUS)
    meter.watch(session)
    parallel = Config(max_pool_connections=PARALLEL_REQUESTS)
    return session.client("s3", config=parallel), session.client("dynamodb"), session.client("events")


def _copied(record: Environment, number: int) -> Environment:
    """The record of another pull request at the same commit."""
    name = environment_name(branch_of(number))

    def renamed(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(text.replace(record.claimed_name, name) for text in texts)

    return replace(
        record,
        pull_number=number,
        branch=branch_of(number),
        name=name,
        schemas=renamed(record.schemas),
        dag_ids=renamed(record.dag_ids),
        revision=0,
    )


def _comment(environment: Environment) -> str:
    return str(SchemaMarker(environment.claimed_name, environment.repository, environment.pull_number))


def _zip_stands(environment: str) -> bool:
    """From moto's own memory: Airflow does not ask S3 as we do."""
    return s3_backends[_ACCOUNT]["aws"].head_object(_DAGS, zip_key("dags", environment)) is not None


def _message(entry: Mapping[str, Any]) -> str:
    """The event as its rule's queue brings it."""
    event = {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "account": _ACCOUNT,
        "region": _REGION,
        "time": "2026-11-21T09:00:00Z",
        "resources": entry["Resources"],
        "source": entry["Source"],
        "detail-type": entry["DetailType"],
        "detail": json.loads(entry["Detail"]),
    }
    return json.dumps(event)
