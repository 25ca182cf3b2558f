"""What an environment is in the registry, and which facts move it: pure functions from one record to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from dagbranch.domain.data_guard import DataGuard
from dagbranch.errors import InvalidEventError, NotYetError, SupersededError

_EARLY_ARCHIVE_IS_KEPT_FOR = timedelta(minutes=15)
_EARLY_ARCHIVE_RETRY_SECONDS = 10
LEASE_RETRY_SECONDS = 5
_MOST_CHANGED_PATHS = 1_000
_MOST_CHANGED_CHARACTERS = 50_000  # of the 400 KB that an item has, which every write carries whole


class Status(StrEnum):
    REFUSED = "refused"  # nothing is made for this pull request; the message says why
    REQUESTED = "requested"
    DEPLOYING = "deploying"
    READY = "ready"
    FAILED = "failed"
    REMOVING = "removing"
    REMOVED = "removed"


type HalfName = Literal["pipeline", "data"]
type LeaseName = str  # a half's, or that of one table's seed


@dataclass(frozen=True)
class PullRequest:
    """A pull request as GitHub tells it at this moment."""

    repository_id: int
    repository: str
    number: int
    is_open: bool
    is_draft: bool
    head_sha: str
    head_ref: str
    head_repository_id: int | None  # None where the fork was deleted
    base_ref: str
    default_branch: str

    @property
    def is_from_a_fork(self) -> bool:
        return self.head_repository_id != self.repository_id


@dataclass(frozen=True)
class Half:
    """What of an environment stands: its pipeline in the bucket, or its data in the warehouse."""

    source_digest: str
    head_sha: str  # the commit that this digest was deployed for: the one in the DAGs' tags
    generation: int
    at: datetime
    message: str = ""  # what its author is told of it, once it is ready
    has_dags: bool = True  # whether Airflow is to list any


@dataclass(frozen=True)
class Changes:
    """The packaged paths that the pull request changes, as they were told for one source archive."""

    source_digest: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Lease:
    owner: str
    until: datetime


@dataclass(frozen=True)
class Environment:
    """One registry item. ``generation`` counts the requests, ``revision`` the writes (for conditional updates)."""

    repository_id: int
    repository: str
    pull_number: int
    lane: str
    status: Status
    head_sha: str
    branch: str
    updated_at: datetime
    requested_at: datetime
    name: str | None = None
    generation: int = 0
    revision: int = 0
    source_digest: str | None = None
    pipeline: Half | None = None
    data: Half | None = None
    changed_paths: Changes | None = None  # None where nobody told them, or they are too many
    guard: DataGuard | None = None  # what the default branch demanded when this commit was asked for
    seeding: tuple[str, ...] = ()  # full names of the tables that are still to be filled
    compared_at: datetime | None = None  # when its data was last held against the base
    reset_at: datetime | None = None  # when its data was last made anew
    leases: Mapping[str, Lease] = field(default_factory=dict)
    schemas: tuple[str, ...] = ()  # full names of all that were ever made for it
    seen_by_airflow: bool = False
    zip_removed_at: datetime | None = None
    message: str = ""
    delivery: str = ""
    receipt: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether something of it may stand anywhere."""
        return self.status not in {Status.REFUSED, Status.REMOVED}

    @property
    def claimed_name(self) -> str:
        """The name; raises InvalidEventError for a pull request that never got one."""
        if self.name is None:
            raise InvalidEventError(f"{self.repository}#{self.pull_number} has no environment")
        return self.name

    def changed_in(self, source_digest: str) -> tuple[str, ...] | None:
        """What the pull request changes in this archive; None where nobody knows."""
        told = self.changed_paths
        return told.paths if told is not None and told.source_digest == source_digest else None

    @property
    def halves_agree(self) -> bool:
        """Whether pipeline and data stand at the same digest, both for the newest request, every table filled."""
        return (
            self.pipeline is not None
            and self.data is not None
            and self.pipeline.source_digest == self.data.source_digest
            and self.pipeline.generation == self.data.generation == self.generation
            and not self.seeding
        )


def reason_to_refuse(pull: PullRequest, existing: Environment | None) -> str | None:
    """Why this pull request gets no environment, in words for its author; None where it gets one."""
    if pull.is_from_a_fork:
        return "the pull request comes from another repository: code of a fork is not deployed to the shared server"
    if pull.is_draft and not (existing and existing.is_live):
        return "the pull request is a draft: mark it as ready for review to get an environment"
    return None


def refused(
    existing: Environment | None, pull: PullRequest, lane: str, reason: str, delivery: str, now: datetime
) -> Environment:
    """The record of a refusal. An environment that stands is left as it is, but for the message."""
    if existing is not None and existing.is_live:
        return replace(existing, message=reason, updated_at=now)
    fresh = _begun(existing, pull, lane, delivery, now)
    return replace(fresh, status=Status.REFUSED, message=reason)


def is_served(existing: Environment | None, pull: PullRequest) -> bool:
    """Whether this commit stands already, so that the same event twice is no work."""
    return existing is not None and existing.status == Status.READY and existing.head_sha == pull.head_sha


def requested(existing: Environment | None, pull: PullRequest, lane: str, delivery: str, now: datetime) -> Environment:
    """The record that asks for the pull request's head commit; a request under way for the same commit goes on."""
    if existing is None or not existing.is_live:
        fresh = _begun(existing, pull, lane, delivery, now)
        return replace(fresh, generation=fresh.generation + 1)
    if existing.status == Status.REMOVING:
        raise NotYetError("the environment is being removed: it is made anew afterwards", retry_seconds=15)
    under_way = existing.status in {Status.REQUESTED, Status.DEPLOYING} and existing.head_sha == pull.head_sha
    return replace(
        existing,
        repository=pull.repository,
        status=Status.REQUESTED,
        head_sha=pull.head_sha,
        changed_paths=existing.changed_paths if under_way else None,
        seeding=existing.seeding if under_way else (),
        generation=existing.generation if under_way else existing.generation + 1,
        requested_at=existing.requested_at if under_way else now,
        updated_at=now,
        message="",
        delivery=delivery,
    )


def check_is_asked_for(environment: Environment | None, head_sha: str, uploaded_at: datetime, now: datetime) -> None:
    """Returns where the registry asks for this commit; else raises what the archive is: early, or too late.

    An archive of a CI job may come before GitHub's event: it is asked about again for 15 minutes.
    """
    if environment is not None and environment.head_sha == head_sha:
        if environment.status in {Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED}:
            return
        raise SupersededError(f"the environment is {environment.status}: nothing is deployed for {head_sha[:7]}")
    if environment is not None and environment.requested_at > uploaded_at:
        raise SupersededError(f"commit {head_sha[:7]} was superseded by {environment.head_sha[:7]}")
    if now - uploaded_at < _EARLY_ARCHIVE_IS_KEPT_FOR:
        raise NotYetError(f"nobody asked for {head_sha[:7]} yet", retry_seconds=_EARLY_ARCHIVE_RETRY_SECONDS)
    raise SupersededError(f"nobody asked for {head_sha[:7]} within 15 minutes of its upload")


def with_lease(environment: Environment, half: LeaseName, owner: str, now: datetime, seconds: int) -> Environment:
    """Raises NotYetError while another worker holds this half."""
    held = environment.leases.get(half)
    if held is not None and held.owner != owner and held.until > now:
        raise NotYetError(f"another worker is at the {half} of {environment.name}", retry_seconds=LEASE_RETRY_SECONDS)
    lease = Lease(owner, now + timedelta(seconds=seconds))
    return replace(environment, leases={**environment.leases, half: lease}, updated_at=now)


def without_lease(environment: Environment, half: LeaseName, owner: str) -> Environment:
    held = environment.leases.get(half)
    if held is None or held.owner != owner:
        return environment
    return replace(environment, leases={name: lease for name, lease in environment.leases.items() if name != half})


def check_not_superseded(environment: Environment, generation: int) -> None:
    if environment.generation != generation or environment.status == Status.REMOVING or not environment.is_live:
        raise SupersededError(
            f"request {generation} of {environment.name} was superseded: "
            f"it is {environment.status} at request {environment.generation}"
        )


def with_changes(
    environment: Environment, generation: int, source_digest: str, paths: Collection[str] | None
) -> Environment:
    """The record with what its pull request changes; more than the record can well hold is as good as unknown."""
    check_not_superseded(environment, generation)
    changes = None
    if paths is not None and len(paths) <= _MOST_CHANGED_PATHS and sum(map(len, paths)) <= _MOST_CHANGED_CHARACTERS:
        changes = Changes(source_digest, tuple(sorted(paths)))
    return replace(environment, changed_paths=changes)


def with_pipeline(environment: Environment, standing: Half) -> Environment:
    """The record after the zip was put; raises SupersededError where a newer request has come meanwhile."""
    check_not_superseded(environment, standing.generation)
    return replace(_deploying(environment, standing), pipeline=standing)


def with_data(
    environment: Environment, standing: Half, schemas: Iterable[str], seeding: Iterable[str] = ()
) -> Environment:
    """The record after views and tables stand, and ``seeding`` of them are still to be filled.

    ``schemas`` are added to those that a removal has to look for.
    """
    check_not_superseded(environment, standing.generation)
    made = dict.fromkeys([*environment.schemas, *schemas])
    return replace(
        _deploying(environment, standing),
        data=standing,
        schemas=tuple(made),
        seeding=tuple(seeding),
        compared_at=standing.at,
    )


def seeded(environment: Environment, generation: int, table: str, now: datetime) -> Environment:
    """The record after one table was filled."""
    check_not_superseded(environment, generation)
    left = tuple(name for name in environment.seeding if name != table)
    return replace(environment, seeding=left, updated_at=now)


def ready(environment: Environment, generation: int, now: datetime) -> Environment:
    check_not_superseded(environment, generation)
    halves = (environment.pipeline, environment.data)
    message = "\n".join(half.message for half in halves if half and half.message)
    return replace(environment, status=Status.READY, message=message, seen_by_airflow=True, updated_at=now)


def failed(environment: Environment, generation: int, message: str, now: datetime) -> Environment:
    check_not_superseded(environment, generation)
    return replace(environment, status=Status.FAILED, message=message, updated_at=now)


def removing(environment: Environment, now: datetime) -> Environment:
    """Raises the generation, so that every deploy under way finds itself superseded."""
    if environment.status == Status.REMOVING:
        return environment
    return replace(
        environment, status=Status.REMOVING, generation=environment.generation + 1, updated_at=now, message=""
    )


def removed(environment: Environment, receipt: Mapping[str, object], now: datetime) -> Environment:
    """Nothing but the receipt is kept of it."""
    return replace(
        environment,
        status=Status.REMOVED,
        pipeline=None,
        data=None,
        changed_paths=None,
        guard=None,
        seeding=(),
        compared_at=None,
        reset_at=None,
        leases={},
        schemas=(),
        seen_by_airflow=False,
        zip_removed_at=None,
        receipt=receipt,
        message="",
        updated_at=now,
    )


def _begun(before: Environment | None, pull: PullRequest, lane: str, delivery: str, now: datetime) -> Environment:
    """A record without a name and without halves, whose counts go on from the one before it."""
    return Environment(
        repository_id=pull.repository_id,
        repository=pull.repository,
        pull_number=pull.number,
        lane=lane,
        status=Status.REQUESTED,
        head_sha=pull.head_sha,
        branch=pull.head_ref,
        requested_at=now,
        updated_at=now,
        generation=before.generation if before else 0,
        revision=before.revision if before else 0,
        delivery=delivery,
    )


def _deploying(environment: Environment, standing: Half) -> Environment:
    # The other half may have failed meanwhile: only a request or Airflow's word that all is ready ends that.
    status = Status.FAILED if environment.status == Status.FAILED else Status.DEPLOYING
    return replace(environment, status=status, source_digest=standing.source_digest, updated_at=standing.at)
