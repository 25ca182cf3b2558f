"""What is said about a repository's commits and pull requests: comments, reactions, checks, statuses, deployments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Actor:
    """A person, or an App, whose login ends in ``[bot]``; ``via_app_id`` is the App by which a person did it."""

    login: str
    app_id: int | None = None
    via_app_id: int | None = None

    @property
    def kind(self) -> str:
        return "User" if self.app_id is None else "Bot"

    @property
    def performed_by(self) -> int | None:
        """The App without which it would not have been done."""
        return self.app_id if self.app_id is not None else self.via_app_id


@dataclass(frozen=True)
class CommentRecord:
    """``number`` is the pull request's."""

    id: int
    number: int
    author: Actor
    body: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class ReactionRecord:
    id: int
    comment_id: int
    author: Actor
    content: str
    created_at: datetime


@dataclass(frozen=True)
class AnnotationRecord:
    path: str
    start_line: int
    end_line: int
    annotation_level: str
    message: str
    title: str | None = None
    raw_details: str | None = None
    start_column: int | None = None
    end_column: int | None = None


@dataclass(frozen=True)
class CheckRecord:
    """A check run; annotations of later updates are added to the earlier ones."""

    id: int
    app_id: int
    name: str
    head_sha: str
    status: str
    started_at: datetime
    conclusion: str | None = None
    completed_at: datetime | None = None
    details_url: str | None = None
    external_id: str = ""
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: tuple[AnnotationRecord, ...] = ()

    @property
    def outcome(self) -> str:
        """The conclusion, or what it is at while there is none."""
        return self.conclusion or self.status


@dataclass(frozen=True)
class StatusRecord:
    id: int
    sha: str
    creator: Actor
    state: str
    context: str
    created_at: datetime
    description: str | None = None
    target_url: str | None = None


@dataclass(frozen=True)
class DeploymentRecord:
    """``ref`` is what was asked for, ``sha`` the commit that it was then."""

    id: int
    ref: str
    sha: str
    creator: Actor
    environment: str
    created_at: datetime
    task: str = "deploy"
    description: str | None = None
    payload: Any = None
    transient_environment: bool = False
    production_environment: bool = False


@dataclass(frozen=True)
class DeploymentStatusRecord:
    id: int
    deployment_id: int
    creator: Actor
    state: str
    environment: str
    created_at: datetime
    description: str = ""
    environment_url: str = ""
    log_url: str = ""


@dataclass(frozen=True)
class DeploymentView:
    """A deployment as the pull request shows it: ``history`` is newest first, and its newest status what it is now."""

    record: DeploymentRecord
    history: tuple[DeploymentStatusRecord, ...]

    @property
    def sha(self) -> str:
        return self.record.sha

    @property
    def environment(self) -> str:
        """A status may name another one than the deployment was made for."""
        return self.history[0].environment if self.history else self.record.environment

    @property
    def state(self) -> str:
        return self.history[0].state if self.history else "pending"

    @property
    def description(self) -> str:
        return self.history[0].description if self.history else ""

    @property
    def url(self) -> str:
        return self.history[0].environment_url if self.history else ""


@dataclass
class Feedback:
    """By id, in the order in which they were made; records are replaced, never changed."""

    comments: dict[int, CommentRecord] = field(default_factory=dict)
    reactions: dict[int, ReactionRecord] = field(default_factory=dict)
    checks: dict[int, CheckRecord] = field(default_factory=dict)
    statuses: dict[int, StatusRecord] = field(default_factory=dict)
    deployments: dict[int, DeploymentRecord] = field(default_factory=dict)
    deployment_statuses: dict[int, DeploymentStatusRecord] = field(default_factory=dict)

    def comments_on(self, number: int) -> list[CommentRecord]:
        return [one for one in list(self.comments.values()) if one.number == number]

    def reactions_to(self, comment_id: int) -> list[ReactionRecord]:
        return [one for one in list(self.reactions.values()) if one.comment_id == comment_id]

    def checks_of(self, sha: str, *, latest: bool = True) -> list[CheckRecord]:
        """Newest first; the ``latest`` of each App and name alone."""
        found = [one for one in reversed(list(self.checks.values())) if one.head_sha == sha]
        return list({(one.app_id, one.name): one for one in reversed(found)}.values())[::-1] if latest else found

    def statuses_of(self, sha: str) -> list[StatusRecord]:
        """Newest first."""
        return [one for one in reversed(list(self.statuses.values())) if one.sha == sha]

    def latest_statuses(self, sha: str) -> list[StatusRecord]:
        """The newest of each context."""
        return list({one.context: one for one in reversed(self.statuses_of(sha))}.values())

    def history_of(self, deployment_id: int) -> list[DeploymentStatusRecord]:
        """The deployment's statuses, newest first."""
        found = reversed(list(self.deployment_statuses.values()))
        return [one for one in found if one.deployment_id == deployment_id]

    def view_of(self, record: DeploymentRecord) -> DeploymentView:
        return DeploymentView(record, tuple(self.history_of(record.id)))

    def deployments_to(self, environment: str) -> Iterator[DeploymentRecord]:
        return (one for one in list(self.deployments.values()) if one.environment == environment)
