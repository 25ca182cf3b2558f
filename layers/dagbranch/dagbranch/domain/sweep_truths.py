"""What the places say of every environment, as the sweep compares it, and what it may ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, Literal

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.ownership import Owner
from dagbranch.domain.release_drift import StandingRelease
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.specification import PipelineFile

STUCK_AFTER: Final = timedelta(minutes=45)
_UNDER_WAY: Final = frozenset({Status.REQUESTED, Status.DEPLOYING, Status.REMOVING})

type Key = tuple[int, int]  # Environment.key
type ActionKind = Literal["request", "remove", "verify", "check"]


@dataclass(frozen=True)
class Action:
    """``request``: the head commit is to be deployed; ``remove``: the environment outlived its pull request;
    ``verify``: Airflow is to be asked again; ``check``: its data is to be compared with the base.

    ``orphan``: the name under which something stands that no record claims, ``schemas`` what of it is in the warehouse.
    """

    kind: ActionKind
    repository: str
    repository_id: int
    pull_number: int
    head_sha: str
    why: str
    generation: int = 0
    orphan: str | None = None
    schemas: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.repository_id, self.pull_number


@dataclass(frozen=True)
class Truths:
    """What each place says.

    ``open_pulls`` is complete for each repository (as owner/name) that it names; ``unread`` (lower case) are those
    that GitHub was asked about in vain. ``standing``: the names that have a zip or a folder in a bucket, with the owner
    by its marker, None where it carries none. ``listed``: all rows of Airflow. ``schemas``: those with a marker.
    ``checks_asked_at``: when environments were last asked to compare their data with the base. ``files``: what the
    default branch says, by repository (lower case), of those that have open pull requests and a file that can be read.
    ``releases``: what stands of a release lane's environments that were ready, by name, as far as they could be read.
    """

    environments: Sequence[Environment]
    open_pulls: Mapping[str, Sequence[PullRequest]]
    unread: Collection[str] = ()
    standing: Mapping[str, Owner | None] | None = None
    listed: Sequence[ListedDag] | None = None
    schemas: Mapping[str, SchemaMarker] | None = None
    checks_asked_at: datetime | None = None
    files: Mapping[str, PipelineFile] = field(default_factory=dict)
    releases: Mapping[str, StandingRelease] = field(default_factory=dict)

    def tells_of(self, repository: str) -> bool:
        """Whether no open pull request of this repository can be missing here.

        One that is not on the stack's list may be another name of one that could not be read.
        """
        return self.has_read(repository) or not self.unread

    def has_read(self, repository: str) -> bool:
        return repository.lower() in self._read

    @cached_property
    def _read(self) -> frozenset[str]:
        return frozenset(repository.lower() for repository in self.open_pulls)


def is_stuck(environment: Environment, now: datetime) -> bool:
    """Whether its last message was lost: every worker writes to the registry, a verification ends before this."""
    return environment.status in _UNDER_WAY and now - environment.updated_at > STUCK_AFTER


def about(environment: Environment, kind: ActionKind, why: str) -> Action:
    return Action(
        kind,
        environment.repository,
        environment.repository_id,
        environment.pull_number,
        environment.head_sha,
        why,
        environment.generation,
    )
