"""What all of the intake has in common: what the stack allows, and all that it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dagbranch.domain.environments import Environment
from dagbranch.domain.policy import Policy
from dagbranch.domain.source_archive import Limits
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
    """What the stack's own parameters allow."""

    lane: str
    allowed_repositories: frozenset[str]  # lower case
    limits: Limits
    policy: Policy


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
