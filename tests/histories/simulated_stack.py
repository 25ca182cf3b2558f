"""The deployed stack in memory: the use cases behind the template's queues, and the places that they reach."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from dagbranch import events
from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.domain.access import Access
from dagbranch.domain.data_stack import DataStack
from dagbranch.domain.environments import Environment, PullRequest
from dagbranch.domain.github_pages import GitHubPages
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.ownership import carries, marker_of
from dagbranch.domain.policy import Policy
from dagbranch.domain.requests import SeedRequest
from dagbranch.domain.source_allowance import RepositoryLists
from dagbranch.domain.source_archive import Limits, source_digest, write_canonical_zip
from dagbranch.use_cases.answer_command import Answerer, answer_command
from dagbranch.use_cases.deploy_half import Surroundings, Worker
from dagbranch.use_cases.fetch_source import fetch_source
from dagbranch.use_cases.intake_work import Fetcher, Intake
from dagbranch.use_cases.package_dags import Runtime, package_dags
from dagbranch.use_cases.provision_data import provision_data
from dagbranch.use_cases.removal_work import Places
from dagbranch.use_cases.remove_environment import Remover, remove_environment
from dagbranch.use_cases.report_status import report_status
from dagbranch.use_cases.sweep_environments import Seen, Sweeper, sweep_environments
from dagbranch.use_cases.telling import Reporter
from dagbranch.use_cases.verify_environment import verify_environment
from tests.fakes.event_patterns import Rule, rules
from tests.fakes.examples import Clock
from tests.fakes.faulty import Faulty, FaultyLeases, Invocation, Outages, pause_in
from tests.fakes.github_reports import InMemoryGitHubReports
from tests.fakes.leases import InMemoryLeases
from tests.fakes.package_index import InMemoryIndex
from tests.fakes.releases import InMemoryReleases
from tests.fakes.reports import InMemoryReports
from tests.fakes.telemetry import InMemoryTelemetry
from tests.histories.simulated_airflow import SimulatedAirflow
from tests.histories.simulated_github import REPOSITORIES, SimulatedGitHub
from tests.histories.simulated_workers import SimulatedWorkers
from tests.histories.watched_places import (
    WatchedArtifactsBucket,
    WatchedDagsBucket,
    WatchedRegistry,
    WatchedSourceBucket,
    watched_warehouse,
)

LANE: Final = "preview"
BUCKET: Final = "sources"
UPSTREAMS: Final = ("github", "registry", "sources", "dags", "airflow", "warehouse", "bus")
_RULES: Final[list[Rule]] = list(rules({"Lane": LANE, "SourceBucket": BUCKET}))
_RUNTIME: Final = Runtime("0.1.0", runtime_modules())
_SETTLE, _PATIENCE, _FOLLOW_BASE_HOUR = timedelta(seconds=420), timedelta(seconds=900), 4
_PUSH_SETTLE: Final = timedelta(seconds=20)
_ADAPTER_WRITES_AGAIN: Final = frozenset({"update"})  # the registry's own loop reads, changes and writes once more


class SimulatedStack(SimulatedWorkers):
    """Of the preview lane."""

    def __init__(self, policy: Policy, *, tells_all: bool = True) -> None:
        super().__init__(_RULES, self._do, Clock(), Outages())
        self.policy = policy
        self.allowed = frozenset(REPOSITORIES)
        self.github = SimulatedGitHub(self._forward, self.clock)
        self.github_reports = InMemoryGitHubReports()
        self.reports = InMemoryReports()
        self.registry = WatchedRegistry(self._check_gone)
        self.leases = InMemoryLeases(self.clock)
        self.sources = WatchedSourceBucket(self._uploaded, self.clock)
        self.dags = WatchedDagsBucket(self.registry)
        self.artifacts = WatchedArtifactsBucket()
        self.airflow = SimulatedAirflow(self.dags, tells_all=tells_all)
        self.warehouse = watched_warehouse(partial(pause_in, "warehouse"))
        self._stack = DataStack(RepositoryLists.parse(""), RepositoryLists.parse("_test"), Access())
        self._names = (f"worker-{number}" for number in itertools.count(1))

    # the world moves

    def pass_time(self, seconds: float) -> None:
        """Whoever is at work for longer than Lambda allows is killed."""
        self.clock.forward(seconds)
        self.airflow.pass_time(self.clock())
        self.kill_who_takes_too_long()

    def tick(self) -> None:
        """The schedule's event for a sweep."""
        self.queues["SweepEnvironmentsQueue"].put("{}", self.clock())

    def upload(self, pull: PullRequest) -> None:
        """A CI job has made the archive of the head commit, whether anybody asked for it yet, still, or not at all."""
        archive = write_canonical_zip(self.github.kind_of(pull).files)
        self.sources.put(
            SourceArchiveKey(pull.repository, pull.number, pull.head_sha, source_digest(archive)), archive, {}
        )

    def ask_for_a_reset(self, pull: PullRequest) -> None:
        about = {
            "repository": pull.repository,
            "pull_number": pull.number,
            "data": {"repository_id": pull.repository_id},
        }
        self.put_event("dagbranch", "Data Reset Requested", {"version": 1, "lane": LANE, **about})

    # work

    def _do(self, function: str, body: str, timeout: timedelta, now: datetime, invocation: Invocation) -> None:
        work: Mapping[str, Callable[[_Ports, str, int, datetime], None]] = {
            "FetchSource": self._fetch,
            "PackageDags": self._package,
            "ProvisionData": self._provision,
            "VerifyEnvironment": self._verify,
            "SweepEnvironments": self._sweep,
            "RemoveEnvironment": self._remove,
            "AnswerCommand": self._answer,
            "ReportStatus": self._report,
        }
        work[function](_Ports(self, invocation), body, int(timeout.total_seconds()) + 1, now)

    def _fetch(self, ports: _Ports, body: str, _: int, now: datetime) -> None:
        fetch_source(
            events.pull_request_event(body),
            by=Fetcher(
                intake=Intake(LANE, self.allowed, Limits(), self.policy, _PUSH_SETTLE),
                github=ports.github,
                index=InMemoryIndex(),
                registry=ports.registry,
                leases=ports.leases,
                sources=ports.sources,
                dags=ports.dags,
                artifacts=ports.artifacts,
                bus=ports.bus,
                telemetry=InMemoryTelemetry(),
                now=now,
            ),
        )

    def _package(self, ports: _Ports, body: str, seconds: int, _: datetime) -> None:
        package_dags(
            events.archive_uploaded(body),
            worker=Worker(LANE, next(self._names), seconds, Limits()),
            runtime=_RUNTIME,
            around=self._around(ports),
            dags=ports.dags,
            artifacts=ports.artifacts,
        )

    def _provision(self, ports: _Ports, body: str, seconds: int, _: datetime) -> None:
        provision_data(
            events.data_work(body, LANE),
            worker=Worker(LANE, next(self._names), seconds, Limits()),
            around=self._around(ports),
            warehouse=ports.warehouse,
            stack=self._stack,
            seeds=ports.seeds,
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
            sweeper=Sweeper(LANE, self.allowed, self.policy, _FOLLOW_BASE_HOUR),
            seen=Seen(ports.github, ports.registry, ports.dags, ports.airflow, lambda: ports.warehouse),
            bus=ports.bus,
            telemetry=InMemoryTelemetry(),
            now=now,
        )

    def _remove(self, ports: _Ports, body: str, seconds: int, _: datetime) -> None:
        remove_environment(
            events.pull_request_event(body),
            remover=Remover(LANE, next(self._names), seconds, self.allowed, _SETTLE, self.policy),
            github=ports.github,
            places=Places(ports.registry, ports.sources, ports.dags, ports.artifacts, ports.airflow, ports.warehouse),
            bus=ports.bus,
            telemetry=InMemoryTelemetry(),
            clock=self.clock,
        )

    def _answer(self, ports: _Ports, body: str, _: int, now: datetime) -> None:
        comment = events.comment_event(body)
        assert comment is not None, "only new comments come here"
        answer_command(
            comment,
            by=Answerer(LANE, self.allowed, ports.github, ports.registry, ports.bus, InMemoryTelemetry(), now),
        )

    def _report(self, ports: _Ports, body: str, seconds: int, _: datetime) -> None:
        work = events.report_work(body, LANE)
        assert work is not None, "only this lane's come here"
        report_status(
            work,
            by=Reporter(
                lane=LANE,
                allowed_repositories=self.allowed,
                has_deployments=True,
                lease_seconds=seconds,
                pages=GitHubPages(),
                registry=ports.registry,
                reports=ports.reports,
                github=ports.github_reports,
                ledger=InMemoryReleases(),
                deployments=self.github_reports.at_github,
                leases=ports.leases,
                telemetry=InMemoryTelemetry(),
            ),
        )

    def _around(self, ports: _Ports) -> Surroundings:
        return Surroundings(ports.registry, ports.sources, ports.bus, InMemoryTelemetry(), self.clock)

    def _check_gone(self, environment: Environment) -> None:
        """``removed`` is written only when nothing is left that carries its marker."""
        marker, schemas = marker_of(environment), self.warehouse.marked_schemas({None})
        left = [key for key, one in self.dags.objects.items() if carries(one.marker, marker)]
        owner = (environment.repository, environment.pull_number)
        left += [name for name, one in schemas.items() if (one.repository, one.pull_number) == owner]
        assert not left, f"removed, and there are {left}"

    def _forward(self, event_name: str, payload: str, delivery: str) -> None:
        self.put_event("github.com", event_name, json.loads(payload), [delivery])

    def _uploaded(self, key: str) -> None:
        self.put_event("aws.s3", "Object Created", {"bucket": {"name": BUCKET}, "object": {"key": key}})


class _Bus:
    """The port: dagbranch's own events."""

    def __init__(self, stack: SimulatedStack) -> None:
        self._stack = stack

    def publish(self, detail_type: str, detail: Mapping[str, object]) -> None:
        # As it would arrive: what is no JSON fails here, too.
        self._stack.put_event("dagbranch", str(detail_type), json.loads(json.dumps(detail)))

    def publish_all(self, several: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        for count, (detail_type, detail) in enumerate(several):
            if count:
                pause_in("bus")
            self.publish(detail_type, detail)


class _Seeds:
    """The port: a message of its own for each table."""

    def __init__(self, stack: SimulatedStack) -> None:
        self._stack = stack

    def request(self, seed: SeedRequest) -> None:
        told = {"key": seed.key, "generation": seed.generation, "table": seed.table}
        self._stack.queues["ProvisionDataQueue"].put(json.dumps({"seed": told}), self._stack.clock())


class _Ports:
    """All that one invocation reaches, so that it can be cut off from it at any call."""

    def __init__(self, stack: SimulatedStack, invocation: Invocation) -> None:
        def faulty(inner: object, upstream: str, retried: frozenset[str] = frozenset()) -> Any:
            return Faulty(inner, upstream, invocation, retried)

        self.github = faulty(stack.github, "github")
        self.github_reports = faulty(stack.github_reports, "github")
        self.registry = faulty(stack.registry, "registry", _ADAPTER_WRITES_AGAIN)
        self.reports = faulty(stack.reports, "registry")
        self.leases = FaultyLeases(stack.leases, "registry", invocation)
        self.sources = faulty(stack.sources, "sources")
        self.dags = faulty(stack.dags, "dags")
        self.artifacts = faulty(stack.artifacts, "dags")
        self.airflow = faulty(stack.airflow, "airflow")
        self.warehouse = faulty(stack.warehouse, "warehouse")
        self.bus = faulty(_Bus(stack), "bus")
        self.seeds = faulty(_Seeds(stack), "bus")


def with_policy(stack: SimulatedStack, **changed: Any) -> None:
    """The owner of the stack deploys it with other parameters."""
    stack.policy = replace(stack.policy, **changed)
