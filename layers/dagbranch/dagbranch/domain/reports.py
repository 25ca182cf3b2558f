"""What of dagbranch stands on a pull request at GitHub, as far as the registry knows; and what may be put there.

``report_status`` decides from the newest record alone what has to stand, and puts what differs: no event is believed,
so that no report goes back in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dagbranch.domain.problems import Problem

type CheckState = Literal["queued", "in_progress", "success", "failure", "neutral"]
type DeploymentState = Literal["in_progress", "success", "failure", "inactive"]
type ReleaseState = Literal["queued", "in_progress", "success", "failure", "inactive"]
type Reaction = Literal["eyes", "rocket", "confused", "-1"]


@dataclass(frozen=True)
class Check:
    """A check run, or a commit status where the credentials may not make check runs. ``summary`` is Markdown."""

    name: str
    head_sha: str
    state: CheckState
    title: str
    summary: str = ""
    url: str | None = None
    annotations: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """GitHub's deployment of a pull request's commit to the lane; ``environment`` is GitHub's word, one per lane."""

    environment: str
    head_sha: str
    pull_number: int
    state: DeploymentState
    description: str = ""
    url: str | None = None  # into Airflow


@dataclass(frozen=True)
class ReleaseStatus:
    """A status of a deployment that somebody asked for. ``description``: at most 140 characters."""

    deployment_id: int
    environment: str
    state: ReleaseState
    description: str
    url: str | None = None


@dataclass(frozen=True)
class Answer:
    """What became of a command; ``comment_id`` is the comment that gave it."""

    comment_id: int
    author: str
    command: str
    text: str
    reaction: Reaction
    at: datetime


@dataclass(frozen=True)
class MergeGroup:
    """A merge queue's commit, asked about by GitHub; ``pull_number`` is the member that its branch is named after."""

    repository_id: int
    repository: str
    head_sha: str
    pull_number: int


@dataclass(frozen=True)
class Posted:
    """The one comment: ``id`` is GitHub's; ``digest`` is of what was put there last."""

    id: int
    digest: str


@dataclass(frozen=True)
class PostedCheck:
    """``id`` is GitHub's, None for a commit status; ``digest`` is of what was put there last."""

    head_sha: str
    state: CheckState
    id: int | None
    digest: str


@dataclass(frozen=True)
class PostedDeployment:
    """``id`` is None where GitHub has refused to make it; ``state`` and ``digest`` are of what was wanted last."""

    id: int | None
    head_sha: str
    state: DeploymentState
    digest: str


@dataclass(frozen=True)
class PostedRelease:
    """Of a deployment that somebody asked for: ``state`` and ``digest`` are of the status that was told last."""

    deployment_id: int
    environment: str
    state: ReleaseState
    digest: str


@dataclass(frozen=True)
class MadeRelease:
    """A deployment to ``target`` that dagbranch made by itself."""

    head_sha: str
    target: str
    deployment_id: int


@dataclass(frozen=True)
class Reported:
    """The registry's second item of a pull request, or of an environment of a release lane.

    ``revision`` counts the writes. ``checks`` are of the last few commits, one each, the latest last; ``answers`` the
    last few too. ``gates`` are the checks of the gates to the next lane, ``releases`` and ``made`` the last few.
    """

    repository_id: int
    pull_number: int
    revision: int = 0
    comment: Posted | None = None
    checks: tuple[PostedCheck, ...] = ()
    deployment: PostedDeployment | None = None
    answers: tuple[Answer, ...] = ()
    gates: tuple[PostedCheck, ...] = ()
    releases: tuple[PostedRelease, ...] = ()
    made: tuple[MadeRelease, ...] = ()
