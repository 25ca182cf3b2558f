"""What all of the intake has in common: what the stack allows, what it reaches, and the pull request it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dagbranch.domain.environments import Environment, PullRequest
from dagbranch.domain.policy import Policy
from dagbranch.domain.requests import EventKind, PullRequestEvent, event_detail
from dagbranch.domain.source_archive import Limits
from dagbranch.domain.wishes import with_wish
from dagbranch.ports import (
    ArtifactsBucket,
    DagsBucket,
    EventBus,
    GitHub,
    Leases,
    PackageIndex,
    Registry,
    SourceBucket,
    Telemetry,
)
from dagbranch.use_cases.note_failure import note_failure


@dataclass(frozen=True)
class Intake:
    """What the stack's own parameters allow. ``push_settle``: how long after a push others are waited for."""

    lane: str
    allowed_repositories: frozenset[str]  # lower case
    limits: Limits
    policy: Policy
    push_settle: timedelta = timedelta(0)


@dataclass(frozen=True)
class Fetcher:
    intake: Intake
    github: GitHub
    index: PackageIndex
    registry: Registry
    leases: Leases
    sources: SourceBucket
    dags: DagsBucket
    artifacts: ArtifactsBucket
    bus: EventBus
    telemetry: Telemetry
    now: datetime

    def note_failure(self, environment: Environment, what: str, reason: str) -> None:
        note_failure(
            environment, what, reason, registry=self.registry, bus=self.bus, telemetry=self.telemetry, now=self.now
        )

    def have_it_told(self, environment: Environment) -> None:
        self.bus.publish(EventKind.REPORT_REQUESTED, event_detail(environment, self.now))


@dataclass(frozen=True)
class Case:
    """An event, with what GitHub says now of its pull request, and what is on record of it."""

    event: PullRequestEvent
    pull: PullRequest
    on_record: Environment | None

    @property
    def existing(self) -> Environment | None:
        """The record, with what the event's command wishes."""
        return None if self.on_record is None else self.wished(self.on_record)

    def wished(self, environment: Environment) -> Environment:
        return with_wish(environment, self.event.wish, self.pull)
