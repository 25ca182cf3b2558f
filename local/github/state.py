"""What the double of GitHub knows: repositories and their pull requests, as values that are replaced, never changed.

The server's threads read while the control interface writes: each sees a whole record, old or new.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from local.github.apps import Apps
from local.github.feedback import Feedback
from local.github.git_repository import GitRepository


@dataclass(frozen=True)
class RepositoryRecord:
    """``granted`` says whether the API's token may see the repository; ``parent_id`` is what it is a fork of."""

    id: int
    owner: str
    name: str
    default_branch: str
    created_at: datetime
    pushed_at: datetime
    granted: bool = True
    parent_id: int | None = None

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True)
class PullRecord:
    """A pull request of the repository ``base_repository_id``; ``updated_at`` is the last change of any kind."""

    id: int
    number: int
    title: str
    author: str
    base_repository_id: int
    base_ref: str
    base_sha: str
    head_repository_id: int
    head_owner: str
    head_ref: str
    head_sha: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    draft: bool = False
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    merge_commit_sha: str | None = None
    labels: tuple[str, ...] = ()
    earlier_heads: tuple[str, ...] = ()


@dataclass(frozen=True)
class MergeGroupRecord:
    """What a merge queue wants tested: ``head_sha`` is the pull request merged with all that is before it."""

    pull_number: int
    base_ref: str
    base_sha: str
    head_ref: str
    head_sha: str


@dataclass
class HostedRepository:
    """``roles`` by login: ``read``, ``triage``, ``write``, ``maintain`` or ``admin``."""

    record: RepositoryRecord
    git: GitRepository
    pulls: dict[int, PullRecord] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    feedback: Feedback = field(default_factory=Feedback)

    def update(self, pull: PullRecord) -> PullRecord:
        """Puts the pull request in the place of the one with its number, as changed now."""
        self.pulls[pull.number] = replace(pull, updated_at=now())
        return self.pulls[pull.number]

    def role_of(self, login: str) -> str:
        """``none`` for who has none; whoever owns a repository is its admin."""
        if login.casefold() == self.record.owner.casefold():
            return "admin"
        return next((role for one, role in self.roles.items() if one.casefold() == login.casefold()), "none")

    def may_push(self, login: str) -> bool:
        return self.role_of(login) in {"write", "maintain", "admin"}

    def open_pulls(self) -> int:
        return sum(pull.state == "open" for pull in self.pulls.values())


class State:
    """Every repository by id, and the Apps; hands out ids."""

    def __init__(self) -> None:
        self.repositories: dict[int, HostedRepository] = {}
        self.apps = Apps()
        self.lock = threading.RLock()
        self._ids = itertools.count(700_000_001)

    def next_id(self) -> int:
        return next(self._ids)

    def named(self, full_name: str) -> HostedRepository | None:
        """The repository of that name; GitHub does not mind the case."""
        wanted = full_name.casefold()
        return next((one for one in self._all() if one.record.full_name.casefold() == wanted), None)

    def knows(self, login: str) -> bool:
        """Whether there is such a person: somebody who has a role, owns a repository, or wrote something."""
        return any(login.casefold() in {one.casefold() for one in _people_of(hosted)} for hosted in self._all())

    def pulls_from(self, repository_id: int, branch: str) -> Iterator[tuple[HostedRepository, PullRecord]]:
        """The open pull requests, in whatever repository, whose head is this branch."""
        for hosted in self._all():
            for pull in list(hosted.pulls.values()):
                if (pull.state, pull.head_repository_id, pull.head_ref) == ("open", repository_id, branch):
                    yield hosted, pull

    def _all(self) -> list[HostedRepository]:
        return list(self.repositories.values())


def _people_of(hosted: HostedRepository) -> set[str]:
    authors = {pull.author for pull in list(hosted.pulls.values())}
    writers = {one.author.login for one in list(hosted.feedback.comments.values()) if one.author.app_id is None}
    return {hosted.record.owner, *hosted.roles, *authors, *writers}


def now() -> datetime:
    """GitHub's clock shows whole seconds, in UTC."""
    return datetime.now(UTC).replace(microsecond=0)
