"""What an environment is in the registry; ``life_cycle`` has the facts that move it from one state to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.naming import CANARY, RELEASE, whose
from dagbranch.domain.overview import Overview
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.release_wishes import Hold
from dagbranch.errors import InvalidEventError


class Status(StrEnum):
    REFUSED = "refused"  # nothing is made for this pull request; the message says why
    WAITING = "waiting"  # for its turn: the server is full, or the intake is paused
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
    labels: frozenset[str] = frozenset()

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
    zip_sha256: str | None = None  # of the packaged DAG, and the version of dagbranch that made it
    version: str | None = None


@dataclass(frozen=True)
class Changes:
    """The packaged paths that the pull request changes, as they were told for one source archive."""

    source_digest: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Suspects:
    """DAGs of an older commit that Airflow listed at a look after it had parsed this one.

    They are deleted where a later parse leaves them out as well: one parse alone may have been cut off.
    """

    generation: int
    parsed_at: datetime
    dag_ids: tuple[str, ...]


@dataclass(frozen=True)
class Removal:
    """How far a removal has come; the receipt is made of it.

    ``dag_ids``: all that Airflow listed since it began, and before that when the environment was last verified.
    ``still_running``: what keeps it waiting, as ``dag_id/run_id`` or ``dag_id``.
    """

    began_at: datetime
    reason: str
    dag_ids: tuple[str, ...] = ()
    paused_at: datetime | None = None
    ended_runs: tuple[str, ...] = ()
    still_running: tuple[str, ...] = ()
    zip_removed_at: datetime | None = None
    let_go_at: datetime | None = None
    deleted_at: datetime | None = None  # when the last of its DAGs' rows were deleted
    deleted_dag_ids: tuple[str, ...] = ()
    objects: int = 0
    artifacts: int = 0
    source_archives: int = 0
    schemas: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lease:
    owner: str
    until: datetime


@dataclass(frozen=True)
class Environment:
    """One registry item. ``generation`` counts the requests, ``revision`` the writes (for conditional updates).

    In a release lane ``pull_number`` is RELEASE or CANARY, and ``branch`` the repository's default branch.
    """

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
    dag_ids: tuple[str, ...] = ()  # what Airflow listed of it when it was last ready, and since where it failed
    verified_generation: int = 0  # the request that those were listed for
    failed_in_airflow: bool = False  # all of it stands, and Airflow does not list it as it should
    suspects: Suspects | None = None
    removal: Removal | None = None
    place: int | None = None  # in the line of those that wait, the next one is 1
    dismissed: str | None = None  # the commit at which it was removed although its pull request is open
    ready_at: datetime | None = None  # when Airflow had listed all of this request; None until then
    overview: Overview = field(default_factory=Overview)
    pages: AirflowPages | None = None  # where its DAGs are looked at
    awaits_approval: bool = False  # refused because it is a fork's commit that nobody asked to deploy (yet)
    approved: str | None = None  # the commit of a fork that somebody with write access asked to deploy
    is_kept: bool = False  # somebody asked that it does not expire
    schedules: bool | None = None  # what somebody asked for; None is what dagbranch.yaml says
    asked_digest: str | None = None  # in a release lane, the only source archive that may be deployed for this request
    takes_uploads: bool = False  # a workflow uploads the archive: the first of a release is its asked one
    promotion: Promotion | None = None  # how it came from the lane before
    deployment_id: int | None = None  # GitHub's, where another one than the promotion's asked for this: of a rollback
    rolls_back: bool = False  # to a commit that had been ready here
    held: Hold | None = None
    unwanted: str = ""  # why what stands is not to stand any more, although its pull request is open
    message: str = ""
    delivery: str = ""
    receipt: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether something of it may stand anywhere."""
        return self.status not in {Status.REFUSED, Status.WAITING, Status.REMOVED}

    @property
    def is_of_a_release(self) -> bool:
        """Whether it is of no pull request, but a repository's own in a release lane."""
        return self.pull_number in {RELEASE, CANARY}

    @property
    def is_canary(self) -> bool:
        return self.pull_number == CANARY

    @property
    def asked_by(self) -> int | None:
        """The deployment at GitHub that this request answers; None where a push, or nobody, asked for it.

        A rollback has the promotion of the time before.
        """
        if self.deployment_id is not None or self.promotion is None or self.rolls_back:
            return self.deployment_id
        return self.promotion.deployment_id

    @property
    def key(self) -> tuple[int, int]:
        """The repository's id and the pull request's number: what identifies it."""
        return self.repository_id, self.pull_number

    @property
    def active_at(self) -> datetime:
        """When anybody last wanted something of it."""
        return max(self.requested_at, self.reset_at or self.requested_at)

    @property
    def claimed_name(self) -> str:
        """The name; raises InvalidEventError for a pull request that never got one."""
        if self.name is None:
            raise InvalidEventError(f"{whose(self.repository, self.pull_number)}, has no environment")
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
