"""What GitHub says of branches, deployments and checks, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from dagbranch.domain.release_wishes import AskedDeployment, read_wish
from dagbranch.errors import TransientUpstreamError
from dagbranch.ports import DefaultBranch
from tests.fakes.examples import NOW, REPOSITORY, REPOSITORY_ID

type CheckState = Literal["passed", "failed", "pending"]


class InMemoryReleasesAtGitHub:
    """One repository. ``history``: the commits of its default branch, the newest last; ``our_app``: who speaks."""

    def __init__(self) -> None:
        self.history: list[str] = []
        self.branch = "main"
        self.deployments: dict[int, AskedDeployment] = {}
        self.checks: dict[str, dict[str, CheckState]] = {}
        self.our_app = 99
        self.down = False
        self._ids = itertools.count(17)

    def default_branch(self, repository: str) -> DefaultBranch | None:
        if not self._has(repository) or not self.history:
            return None
        return DefaultBranch(REPOSITORY_ID, REPOSITORY, self.branch, self.history[-1])

    def is_on_branch(self, repository: str, branch: str, head_sha: str) -> bool:
        return self._has(repository) and branch == self.branch and head_sha in self.history

    def deployment(self, repository: str, deployment_id: int) -> AskedDeployment | None:
        return self.deployments.get(deployment_id) if self._has(repository) else None

    def newest_deployment(self, repository: str, environment: str) -> AskedDeployment | None:
        found = [one for one in self.deployments.values() if one.environment == environment]
        return max(found, key=lambda one: one.id, default=None) if self._has(repository) else None

    def commit_checks(self, repository: str, head_sha: str) -> Mapping[str, CheckState]:
        return dict(self.checks.get(head_sha, {})) if self._has(repository) else {}

    def push(self, head_sha: str) -> None:
        self.history.append(head_sha)

    def deploy(self, environment: str, head_sha: str, payload: object = None, **different: Any) -> AskedDeployment:
        """A new deployment, by alice where nothing else is said."""
        number = next(self._ids)
        wish, faults = read_wish(payload)
        made = AskedDeployment(
            id=number,
            repository_id=REPOSITORY_ID,
            repository=REPOSITORY,
            environment=environment,
            head_sha=head_sha,
            creator="alice",
            is_of_a_workflow=False,
            created_at=NOW + timedelta(seconds=number),
            wish=wish,
            faults=faults,
        )
        self.deployments[number] = replace(made, **different)
        return self.deployments[number]

    def tell(self, deployment_id: int, status: str) -> None:
        """By whoever made it."""
        found = self.deployments[deployment_id]
        has_begun = found.has_begun or (found.is_of_a_workflow and status == "in_progress")
        self.deployments[deployment_id] = replace(found, status=status, has_begun=has_begun)

    def _has(self, repository: str) -> bool:
        if self.down:
            raise TransientUpstreamError("GitHub answered 500")
        return repository.lower() == REPOSITORY
