"""What the functions are asked to do, in typed form; and the kinds of event that dagbranch itself announces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from dagbranch.domain.environments import Environment, PullRequest
from dagbranch.domain.naming import RELEASE
from dagbranch.domain.releases import Release
from dagbranch.domain.reports import Answer
from dagbranch.domain.sweep_truths import Action


class EventKind(StrEnum):
    """The detail-types of dagbranch's own events on the bus."""

    ENVIRONMENT_REQUESTED = "Environment Requested"
    PACKAGED = "Packaged"
    PROVISIONED = "Provisioned"
    UPDATED = "Updated"
    READY = "Ready"
    FAILED = "Failed"
    REMOVAL_REQUESTED = "Removal Requested"
    REMOVED = "Removed"
    WAITING = "Waiting"
    VERIFICATION_REQUESTED = "Verification Requested"
    DATA_RESET_REQUESTED = "Data Reset Requested"
    DATA_CHECK_REQUESTED = "Data Check Requested"
    REPORT_REQUESTED = "Report Requested"
    RELEASE_JUDGED = "Release Judged"
    RELEASE_REQUESTED = "Release Requested"  # the default branch's newest commit, in the first release lane


@dataclass(frozen=True)
class WebhookRequest:
    """One HTTP request to the webhook's door, before anything about it is believed."""

    body: bytes
    signature: str
    delivery: str
    event_name: str


@dataclass(frozen=True)
class Wish:
    """What a person with write access asked for in a comment, beside the newest commit's environment itself.

    ``is_forced``: deploy again what stands already, or was removed at this commit. ``approved``: the whole sha of the
    one commit of a fork that may be deployed. ``removal``: have it removed although the pull request is open.
    ``at``: when; what has been asked for since is not meant by a message that comes late.
    """

    by: str
    is_forced: bool = False
    approved: str | None = None
    keep: bool = False
    schedules: bool | None = None
    removal: bool = False
    at: datetime | None = None


@dataclass(frozen=True)
class PullRequestEvent:
    """Something happened to a pull request. What is true of it now, GitHub is asked.

    ``claims`` is what the payload itself says, for a repository that GitHub is not asked about. ``orphan``: the name
    of an environment that the sweep found standing, with ``schemas``, and that no record claims.
    ``installation_id``: of the GitHub App that the webhook says it is for. ``pushed_at``: when the event came, for a
    push to an open pull request alone: others may follow it at once.
    """

    repository_id: int
    repository: str
    pull_number: int
    head_sha: str
    delivery: str
    claims: PullRequest | None
    orphan: str | None = None
    schemas: tuple[str, ...] = ()
    installation_id: int | None = None
    pushed_at: datetime | None = None
    wish: Wish | None = None


@dataclass(frozen=True)
class CommentEvent:
    """A new comment on a pull request; whether it holds a command, and whose word counts, is still to be found out."""

    repository_id: int
    repository: str
    pull_number: int
    comment_id: int
    author: str
    is_bot: bool
    text: str
    delivery: str
    at: datetime
    installation_id: int | None = None


@dataclass(frozen=True)
class ReportRequest:
    """Something is to be told on a pull request: what the registry says now, and a command's answer, if any."""

    repository_id: int
    repository: str
    pull_number: int
    head_sha: str
    at: datetime
    answer: Answer | None = None


@dataclass(frozen=True)
class JudgedRequest:
    """What became of a commit at the gates to the lane ``target`` is to be told: the ledger says it."""

    repository_id: int
    repository: str
    head_sha: str
    target: str


@dataclass(frozen=True)
class PushEvent:
    """Something was pushed to a branch. What its repository's default branch is now, GitHub is asked."""

    repository_id: int
    repository: str
    branch: str
    delivery: str
    installation_id: int | None = None


@dataclass(frozen=True)
class DeploymentEvent:
    """A deployment was made, or its status has changed. What it is now, GitHub is asked.

    ``environment`` is what the payload says, so that what is for no lane costs no request.
    """

    repository_id: int
    repository: str
    deployment_id: int
    environment: str
    delivery: str
    installation_id: int | None = None


@dataclass(frozen=True)
class ReleaseTick:
    """The schedule: what came by no event, and gates that pass with time."""


@dataclass(frozen=True)
class ArchiveUploaded:
    key: str
    uploaded_at: datetime


@dataclass(frozen=True)
class SeedRequest:
    """One table of an environment is to be filled, as the specification in the archive of this ``key`` says."""

    key: str
    generation: int
    table: str


@dataclass(frozen=True)
class DataRequest:
    """A standing environment's data: ``reset`` makes its tables anew, ``check`` brings it to what the base is now."""

    kind: Literal["reset", "check"]
    repository_id: int
    repository: str
    pull_number: int
    requested_at: datetime


@dataclass(frozen=True)
class EnvironmentEvent:
    """One of dagbranch's own events on the bus."""

    kind: str
    lane: str
    repository: str
    repository_id: int
    pull_number: int
    head_sha: str
    generation: int
    at: datetime


def event_detail(environment: Environment, at: datetime, **data: object) -> dict[str, object]:
    """The detail of every event that dagbranch puts on the bus about an environment."""
    return {
        "version": 1,
        "environment": environment.name,
        "lane": environment.lane,
        "repository": environment.repository,
        "pull_number": environment.pull_number,
        "head_sha": environment.head_sha,
        "source_digest": environment.source_digest,
        "generation": environment.generation,
        "at": at.isoformat(),
        "message": environment.message,
        "data": {"repository_id": environment.repository_id, **data},
    }


def action_detail(action: Action, lane: str, at: datetime) -> dict[str, object]:
    """The detail of a request that the sweep makes: it may know the pull request only from GitHub."""
    return {
        "version": 1,
        "environment": action.orphan,
        "lane": lane,
        "repository": action.repository,
        "pull_number": action.pull_number,
        "head_sha": action.head_sha,
        "source_digest": None,
        "generation": action.generation,
        "at": at.isoformat(),
        "message": action.why,
        "data": {
            "repository_id": action.repository_id,
            "orphan": action.orphan,
            "schemas": list(action.schemas),
        },
    }


def command_detail(
    pull: PullRequest, existing: Environment | None, lane: str, at: datetime, data: Mapping[str, object]
) -> dict[str, object]:
    """The detail of what a command asks for, or is answered: also where nothing is on record of the pull request."""
    return {
        "version": 1,
        "environment": existing.name if existing else None,
        "lane": lane,
        "repository": pull.repository,
        "pull_number": pull.number,
        "head_sha": pull.head_sha,
        "source_digest": None,
        "generation": existing.generation if existing else 0,
        "at": at.isoformat(),
        "message": "",
        "data": {"repository_id": pull.repository_id, **data},
    }


def judged_detail(release: Release, lane: str, at: datetime) -> dict[str, object]:
    """The detail of ``Release Judged``, of a commit that was judged."""
    judged = release.judged
    return {
        "version": 1,
        "environment": None,
        "lane": lane,
        "repository": release.repository,
        "pull_number": RELEASE,
        "head_sha": release.head_sha,
        "source_digest": release.source_digest,
        "generation": 0,
        "at": at.isoformat(),
        "message": judged.message if judged else "",
        "data": {
            "repository_id": release.repository_id,
            "target": judged.target if judged else None,
            "verdict": judged.verdict if judged else None,
        },
    }


def release_request_detail(
    repository_id: int, repository: str, branch: str, head_sha: str, lane: str, at: datetime
) -> dict[str, object]:
    """The detail of ``Release Requested``: as good as a push to the default branch, to whoever fetches it."""
    return {
        "version": 1,
        "environment": None,
        "lane": lane,
        "repository": repository,
        "pull_number": RELEASE,
        "head_sha": head_sha,
        "source_digest": None,
        "generation": 0,
        "at": at.isoformat(),
        "message": "",
        "data": {"repository_id": repository_id, "branch": branch},
    }


def wish_data(wish: Wish) -> dict[str, object]:
    return {**asdict(wish), "at": wish.at.isoformat() if wish.at else None}


def answer_data(answer: Answer) -> dict[str, object]:
    return {**asdict(answer), "at": answer.at.isoformat()}
