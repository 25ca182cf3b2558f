"""GitHub's own events, in the shape of its webhooks' payloads, as they lie on the bus."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal

from aws_lambda_powertools.utilities.parser import BaseModel
from pydantic import Field

from dagbranch.domain.environments import PullRequest
from dagbranch.domain.naming import RELEASE_LANES
from dagbranch.domain.reports import MergeGroup
from dagbranch.domain.requests import CommentEvent, DeploymentEvent, PullRequestEvent, PushEvent
from dagbranch.errors import InvalidEventError
from dagbranch.events.envelopes import BusEvent, parsed

_SHA: Final = r"^[0-9a-f]{40}$"
_BRANCHES: Final = "refs/heads/"
_MOST_REF_CHARACTERS: Final = 1024
_MOST_NAME_CHARACTERS: Final = 256  # of a repository: GitHub's own limits are 39 for the account and 100 for the rest
_MOST_ID: Final = 2**63
# refs/heads/gh-readonly-queue/<base>/pr-<number>-<sha of what it is put on>; the base may have slashes.
_GROUP: Final = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-([1-9]\d{0,9})-[0-9a-f]{40}")


class _Repository(BaseModel):
    id: int
    full_name: str


class _Installation(BaseModel):
    id: int


class _HeadRepository(BaseModel):
    id: int


class _Head(BaseModel):
    sha: str = Field(pattern=_SHA)
    ref: str
    repo: _HeadRepository | None


class _BaseRepository(BaseModel):
    default_branch: str


class _Base(BaseModel):
    ref: str
    repo: _BaseRepository


class _Label(BaseModel):
    name: str


class _PullRequest(BaseModel):
    number: int = Field(gt=0)
    state: Literal["open", "closed"]
    draft: bool = False
    head: _Head
    base: _Base
    labels: tuple[_Label, ...] = ()


class _Payload(BaseModel):
    """``installation``: of the GitHub App that the webhook belongs to; none where a repository has it."""

    repository: _Repository
    installation: _Installation | None = None

    @property
    def installation_id(self) -> int | None:
        return self.installation.id if self.installation else None


class PullRequestPayload(_Payload):
    action: str
    pull_request: _PullRequest


class _Author(BaseModel):
    login: str
    type: str


class _Comment(BaseModel):
    id: int
    user: _Author | None  # None where the account is gone
    body: str
    created_at: datetime


class _PullOfIssue(BaseModel):
    url: str


class _Issue(BaseModel):
    number: int = Field(gt=0)
    pull_request: _PullOfIssue | None = None


class IssueCommentPayload(_Payload):
    action: str
    issue: _Issue
    comment: _Comment


class _MergeGroup(BaseModel):
    head_sha: str = Field(pattern=_SHA)
    head_ref: str


class MergeGroupPayload(_Payload):
    action: str
    merge_group: _MergeGroup


class _ReleaseRepository(_Repository):
    id: int = Field(gt=0, lt=_MOST_ID)
    full_name: str = Field(max_length=_MOST_NAME_CHARACTERS)


class _ReleasePayload(_Payload):
    repository: _ReleaseRepository


class PushPayload(_ReleasePayload):
    ref: str = Field(max_length=_MOST_REF_CHARACTERS)
    deleted: bool = False


class _Deployment(BaseModel):
    id: int = Field(gt=0, lt=_MOST_ID)
    environment: str


class DeploymentPayload(_ReleasePayload):
    """Of ``deployment`` and of ``deployment_status``."""

    deployment: _Deployment


def pull_request_of_github(event: BusEvent) -> PullRequestEvent:
    payload = parsed(PullRequestPayload, event.detail)
    return PullRequestEvent(
        repository_id=payload.repository.id,
        repository=payload.repository.full_name,
        pull_number=payload.pull_request.number,
        head_sha=payload.pull_request.head.sha,
        delivery=event.delivery,
        claims=_claims(payload),
        installation_id=payload.installation_id,
        pushed_at=event.time if payload.action == "synchronize" else None,
    )


def comment_of_github(event: BusEvent) -> CommentEvent | None:
    payload = parsed(IssueCommentPayload, event.detail)
    comment, author = payload.comment, payload.comment.user
    if payload.action != "created" or payload.issue.pull_request is None or author is None:
        return None
    return CommentEvent(
        repository_id=payload.repository.id,
        repository=payload.repository.full_name,
        pull_number=payload.issue.number,
        comment_id=comment.id,
        author=author.login,
        is_bot=author.type == "Bot",
        text=comment.body,
        delivery=event.delivery,
        at=comment.created_at,
        installation_id=payload.installation_id,
    )


def merge_group_of_github(event: BusEvent) -> MergeGroup | None:
    payload = parsed(MergeGroupPayload, event.detail)
    if payload.action != "checks_requested":
        return None
    named = _GROUP.fullmatch(payload.merge_group.head_ref)
    if named is None:
        raise InvalidEventError("merge_group.head_ref: expected refs/heads/gh-readonly-queue/<base>/pr-<number>-<sha>")
    return MergeGroup(
        repository_id=payload.repository.id,
        repository=payload.repository.full_name,
        head_sha=payload.merge_group.head_sha,
        pull_number=int(named[1]),
    )


def push_of_github(event: BusEvent) -> PushEvent | None:
    """None for a tag, and for a branch that is gone."""
    payload = parsed(PushPayload, event.detail)
    if payload.deleted or not payload.ref.startswith(_BRANCHES):
        return None
    return PushEvent(
        repository_id=payload.repository.id,
        repository=payload.repository.full_name,
        branch=payload.ref.removeprefix(_BRANCHES),
        delivery=event.delivery,
        installation_id=payload.installation_id,
    )


def deployment_of_github(event: BusEvent) -> DeploymentEvent | None:
    """None where it is for no release lane."""
    payload = parsed(DeploymentPayload, event.detail)
    if payload.deployment.environment not in RELEASE_LANES:
        return None
    return DeploymentEvent(
        repository_id=payload.repository.id,
        repository=payload.repository.full_name,
        deployment_id=payload.deployment.id,
        environment=payload.deployment.environment,
        delivery=event.delivery,
        installation_id=payload.installation_id,
    )


def _claims(payload: PullRequestPayload) -> PullRequest:
    pull, head = payload.pull_request, payload.pull_request.head
    return PullRequest(
        repository_id=payload.repository.id,
        repository=payload.repository.full_name,
        number=pull.number,
        is_open=pull.state == "open",
        is_draft=pull.draft,
        head_sha=head.sha,
        head_ref=head.ref,
        head_repository_id=head.repo.id if head.repo else None,
        base_ref=pull.base.ref,
        default_branch=pull.base.repo.default_branch,
        labels=frozenset(label.name for label in pull.labels),
    )
