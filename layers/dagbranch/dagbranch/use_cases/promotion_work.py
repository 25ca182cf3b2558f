"""What all of the work at releases has in common: what the lane is, what it reaches, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dagbranch.domain.audit import AuditEntry
from dagbranch.domain.environments import Environment
from dagbranch.domain.release_jobs import Counting, counting, is_of_a_canary
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.releases import Release
from dagbranch.domain.requests import EventKind, event_detail, judged_detail, release_request_detail
from dagbranch.domain.source_archive import Limits
from dagbranch.ports import (
    Airflow,
    ArtifactsBucket,
    Audit,
    DagsBucket,
    DefaultBranch,
    EventBus,
    Leases,
    NextLane,
    PromotionSigner,
    PromotionVerifier,
    Registry,
    Releases,
    ReleasesAtGitHub,
    SourceBucket,
    Telemetry,
    Warehouse,
)

_OVER: Final = frozenset({"failure", "error", "inactive"})  # GitHub's words


@dataclass(frozen=True)
class Promoter:
    """``airflow`` and ``warehouse`` connect: most work needs neither.

    ``releasers``: logins, in lower case. ``app_id``: of our own GitHub App, None where a token speaks.
    ``first_release_lane``: it takes what is pushed, instead of what a lane before promotes. ``lease_seconds``: this
    worker's time before it is killed. ``next_bucket`` and ``signer`` go with ``next_lane``; until the next lane's stack
    exists there is no bucket. ``verifier`` is there in all lanes but the first.
    """

    lane: str
    next_lane: str | None
    first_release_lane: bool
    allowed_repositories: frozenset[str]  # lower case
    releasers: frozenset[str]
    app_id: int | None
    limits: Limits
    lease_seconds: int
    github: ReleasesAtGitHub
    registry: Registry
    releases: Releases
    audit: Audit
    sources: SourceBucket
    next_bucket: NextLane | None
    signer: PromotionSigner | None
    verifier: PromotionVerifier | None
    airflow: Callable[[], Airflow]
    warehouse: Callable[[], Warehouse]
    dags: DagsBucket
    artifacts: ArtifactsBucket
    bus: EventBus
    leases: Leases
    telemetry: Telemetry
    now: datetime

    def at_work_on(self, repository_id: int) -> AbstractContextManager[None]:
        """One worker at a time for each repository. Raises NotYetError while another is at it."""
        return self.leases.held(f"releases of {repository_id}", self.lease_seconds)

    def counting(self, asked: AskedDeployment) -> Counting:
        return counting(asked, releasers=self.releasers, app_id=self.app_id)

    def newest_at_github(self, repository: str, environment: str, *, is_canary: bool) -> int:
        """GitHub's newest deployment for it, where that is of this kind and counts; 0 else.

        One that was refused takes nobody's place: what was promoted before it and comes late is still wanted.
        """
        found = self.github.newest_deployment(repository, environment)
        if found is None or found.status in _OVER or is_of_a_canary(found) != is_canary:
            return 0
        return found.id if self.counting(found) == "counts" else 0

    def allows(self, repository: str) -> bool:
        return repository.lower() in self.allowed_repositories

    def note(self, entries: Iterable[AuditEntry]) -> None:
        for entry in entries:
            self.audit.append(entry)

    def have_judgement_told(self, release: Release) -> None:
        self.bus.publish(EventKind.RELEASE_JUDGED, judged_detail(release, self.lane, self.now))

    def have_head_fetched(self, branch: DefaultBranch) -> None:
        detail = release_request_detail(
            branch.repository_id, branch.repository, branch.name, branch.head_sha, self.lane, self.now
        )
        self.bus.publish(EventKind.RELEASE_REQUESTED, detail)

    def have_canary_removed(self, canary: Environment) -> None:
        self.bus.publish(EventKind.REMOVAL_REQUESTED, event_detail(canary, self.now))

    def have_it_told(self, environment: Environment) -> None:
        self.bus.publish(EventKind.REPORT_REQUESTED, event_detail(environment, self.now))
