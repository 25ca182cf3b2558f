"""What is said about pull requests at GitHub, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from dagbranch.domain.problems import Problem
from dagbranch.domain.reports import (
    Check,
    CheckState,
    Deployment,
    DeploymentState,
    Reaction,
    ReleaseState,
    ReleaseStatus,
)
from dagbranch.errors import UpstreamError
from tests.fakes.examples import FIRST, PULL_NUMBER, REPOSITORY
from tests.fakes.github_releases import InMemoryReleasesAtGitHub

type What = str  # the port's method: comment, check, deployment, release, release status, reaction


OURSELVES: Final = "dagbranch[bot]"
PERSON: Final = "rita"


@dataclass
class Comment:
    repository: str
    pull_number: int
    author: str
    text: str


@dataclass
class DeploymentTold:
    """``states``: every one that was told of it, the latest last."""

    environment: str
    head_sha: str
    pull_number: int
    states: list[DeploymentState] = field(default_factory=list)
    last: Deployment | None = None


class InMemoryGitHubReports:
    """``checks``: runs by id, or statuses without one (``has_checks`` false); the latest last.

    ``at_github``: where deployments that others make are, too; ``release_statuses`` by their id, the latest last.
    """

    def __init__(self, at_github: InMemoryReleasesAtGitHub | None = None) -> None:
        self.at_github = at_github or InMemoryReleasesAtGitHub()
        self.release_statuses: dict[int, list[ReleaseStatus]] = {}
        self.comments: dict[int, Comment] = {}
        self.checks: dict[int, Check] = {}
        self.statuses: list[Check] = []
        self.deployments: dict[int, DeploymentTold] = {}
        self.reactions: set[tuple[int, Reaction]] = set()
        self.has_checks = True
        self.refuses: dict[What, UpstreamError] = {}
        self.written: list[What] = []
        self.history: list[str] = []  # the comment, as it stood after each edit
        self._ids = count(1)

    def write_comment(self, repository: str, pull_number: int, text: str) -> int:
        """A person's."""
        number = next(self._ids)
        self.comments[number] = Comment(repository, pull_number, PERSON, text)
        return number

    def put_comment(self, repository: str, pull_number: int, text: str, comment_id: int | None) -> int:
        self._write("comment")
        known = comment_id if comment_id in self.comments else self._ours(repository, pull_number, text)
        number = known or next(self._ids)
        self.comments[number] = Comment(repository, pull_number, OURSELVES, text)
        self.history.append(text)
        return number

    def put_check(self, repository: str, check: Check, check_id: int | None) -> int | None:  # noqa: ARG002 # one repository
        self._write("check")
        if not self.has_checks:
            self.statuses.append(check)
            return None
        number = check_id if check_id is not None and check_id in self.checks else next(self._ids)
        self.checks[number] = check
        return number

    def put_deployment(self, repository: str, deployment: Deployment, deployment_id: int | None) -> int:  # noqa: ARG002 # one repository
        self._write("deployment")
        known = deployment_id if deployment_id in self.deployments else self._under_way(deployment)
        number = known or next(self._ids)
        told = self.deployments.setdefault(number, DeploymentTold(*_of(deployment)))
        if told.last != deployment:
            told.states.append(deployment.state)
        told.last = deployment
        return number

    def make_release(self, repository: str, environment: str, head_sha: str, description: str) -> int:  # noqa: ARG002 # nobody looks at the words
        self._write("release")
        ours = self.at_github.our_app
        return self.at_github.deploy(environment, head_sha, creator=OURSELVES, made_by_app=ours).id

    def put_release_status(self, repository: str, status: ReleaseStatus) -> None:
        if self.at_github.deployment(repository, status.deployment_id) is None:
            return
        told = self.release_statuses.setdefault(status.deployment_id, [])
        if told[-1:] != [status]:
            self._write("release status")
            told.append(status)
            self.at_github.tell(status.deployment_id, status.state)

    def react(self, repository: str, comment_id: int, reaction: Reaction) -> None:  # noqa: ARG002 # one repository
        self._write("reaction")
        if comment_id in self.comments:
            self.reactions.add((comment_id, reaction))

    def check_at(self, head_sha: str) -> Check | None:
        """What GitHub shows of a commit: the latest run, or status."""
        told = [*(self.checks[number] for number in sorted(self.checks)), *self.statuses]
        return next((check for check in reversed(told) if check.head_sha == head_sha), None)

    @contextmanager
    def refusing(self, what: What, error: UpstreamError) -> Iterator[None]:
        self.refuses[what] = error
        yield
        del self.refuses[what]

    def _write(self, what: What) -> None:
        if (error := self.refuses.get(what)) is not None:
            raise error
        self.written.append(what)

    def _ours(self, repository: str, pull_number: int, text: str) -> int | None:
        """Anybody can write our marker, but not as us."""
        ours = repository, pull_number, OURSELVES, _first_line(text)
        found = (
            number
            for number, one in self.comments.items()
            if (one.repository, one.pull_number, one.author, _first_line(one.text)) == ours
        )
        return next(found, None)

    def _under_way(self, deployment: Deployment) -> int | None:
        """One of the same commit and pull request that has not ended: of that, the answer was lost."""
        found = (
            number
            for number, one in self.deployments.items()
            if (one.environment, one.head_sha, one.pull_number) == _of(deployment) and one.states[-1] == "in_progress"
        )
        return next(found, None)


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _of(deployment: Deployment) -> tuple[str, str, int]:
    return deployment.environment, deployment.head_sha, deployment.pull_number


class ToldInMemory:
    """What people see of it, as the contract asks."""

    repository, pull_number, head_sha = REPOSITORY, PULL_NUMBER, FIRST

    def __init__(self, reports: InMemoryGitHubReports) -> None:
        self._reports = reports

    def comments(self) -> Sequence[tuple[int, str]]:
        return [(number, one.text) for number, one in sorted(self._reports.comments.items())]

    def write_comment(self, text: str) -> int:
        return self._reports.write_comment(self.repository, self.pull_number, text)

    def delete_comment(self, comment_id: int) -> None:
        del self._reports.comments[comment_id]

    def check(self) -> tuple[CheckState, str] | None:
        found = self._reports.check_at(self.head_sha)
        return (found.state, found.title) if found else None

    def annotations(self) -> Sequence[Problem]:
        found = self._reports.check_at(self.head_sha)
        return [replace(one, line=one.line or 1) for one in found.annotations] if found else []

    def deployment_states(self, deployment_id: int) -> Sequence[DeploymentState]:
        return self._reports.deployments[deployment_id].states

    def release_states(self, deployment_id: int) -> Sequence[ReleaseState]:
        return [one.state for one in self._reports.release_statuses.get(deployment_id, [])]

    def delete_release(self, deployment_id: int) -> None:
        del self._reports.at_github.deployments[deployment_id]

    def reactions(self, comment_id: int) -> Sequence[Reaction]:
        return [reaction for of, reaction in self._reports.reactions if of == comment_id]
