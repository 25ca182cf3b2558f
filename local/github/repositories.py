"""A repository on the double, as its people handle it: branches, forks, pull requests, checks, deployments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from local.github.apps import GITHUB_ACTIONS_ID
from local.github.branches import AUTHOR, announce_push, push, take_head
from local.github.context import Context
from local.github.deployments import Deployment, WorkflowDeployment
from local.github.entries import Changes
from local.github.feedback import Actor, CheckRecord, DeploymentView, StatusRecord
from local.github.pulls import Pull
from local.github.state import HostedRepository, PullRecord, now


class Repository:
    """One repository; ``folder`` is its bare git repository."""

    def __init__(self, context: Context, hosted: HostedRepository) -> None:
        self._context = context
        self._hosted = hosted

    @property
    def id(self) -> int:
        return self._hosted.record.id

    @property
    def full_name(self) -> str:
        return self._hosted.record.full_name

    @property
    def default_branch(self) -> str:
        return self._hosted.record.default_branch

    @property
    def folder(self) -> Path:
        return self._hosted.git.folder

    def branch_sha(self, branch: str) -> str:
        """The branch's newest commit; raises ValueError where there is no such branch."""
        return self._hosted.git.branch_sha(branch)

    def pull(self, number: int) -> Pull:
        return Pull(self._context, self._hosted, number)

    def commit(
        self, branch: str, changes: Changes, message: str, start_from: str | None = None, *, deliver: bool = True
    ) -> str:
        """Pushes one commit with these changes and returns its sha; open pull requests of the branch follow.

        A new branch starts from the default branch. ``start_from`` (a branch or a sha) starts the branch there,
        also where it exists already: that is a force push.
        """
        return push(self._context, self._hosted, branch, changes, message, start_from=start_from, deliver=deliver)

    def give(self, login: str, role: str) -> None:
        """Makes somebody a collaborator: ``read``, ``triage``, ``write``, ``maintain`` or ``admin``."""
        self._hosted.roles[login] = role

    def take_away(self, login: str) -> None:
        """Whatever role the person had; the person is still there."""
        self._hosted.roles[login] = "none"

    def deploy(
        self,
        ref: str,
        environment: str,
        *,
        by: str = AUTHOR,
        payload: dict[str, Any] | str = "",
        deliver: bool = True,
        **details: Any,
    ) -> Deployment:
        """A deployment as by ``gh api``, by a person who may push or by a bot of GitHub's; ``details`` of the record.

        ``github-actions[bot]`` is who makes it with the token of a workflow.
        """
        actor = self._context.state.apps.actor(by)
        return Deployment.make(
            self._context, self._hosted, ref, environment, actor, deliver=deliver, payload=payload, **details
        )

    def workflow_deployment(
        self, ref: str, environment: str, *, by: str = AUTHOR, is_protected: bool = True, deliver: bool = True
    ) -> WorkflowDeployment:
        """What a job with ``environment: …`` makes of a workflow that ``by`` has started, such as by a push."""
        return WorkflowDeployment.begin(
            self._context, self._hosted, ref, environment, by, is_protected=is_protected, deliver=deliver
        )

    def set_check(self, sha: str, name: str, conclusion: str | None, *, by_app: int = GITHUB_ACTIONS_ID) -> None:
        """A check run, of GitHub Actions where no other App is said; without a ``conclusion`` it is in progress."""
        number, made = self._context.state.next_id(), now()
        status, ended = ("completed", made) if conclusion else ("in_progress", None)
        record = CheckRecord(number, by_app, name, sha, status, made, conclusion, ended)
        self._hosted.feedback.checks[number] = record

    def set_status(self, sha: str, context: str, state: str, *, by: str = AUTHOR) -> None:
        """A commit status: ``error``, ``failure``, ``pending`` or ``success``."""
        number = self._context.state.next_id()
        self._hosted.feedback.statuses[number] = StatusRecord(number, sha, Actor(by), state, context, now())

    def checks(self, sha: str) -> dict[str, CheckRecord]:
        """The newest check run of each name at that commit."""
        return {one.name: one for one in self._hosted.feedback.checks_of(sha)}

    @property
    def deployments(self) -> list[DeploymentView]:
        """Every one, oldest first."""
        feedback = self._hosted.feedback
        return [feedback.view_of(one) for one in list(feedback.deployments.values())]

    def delete_branch(self, branch: str, *, deliver: bool = True) -> None:
        """Deletes the branch; GitHub closes its open pull requests."""
        before = self._hosted.git.branch_sha(branch)
        self._hosted.git.delete_branch(branch)
        announce_push(self._context, self._hosted, branch, before, deliver=deliver)
        for hosted, pull in list(self._context.state.pulls_from(self.id, branch)):
            Pull(self._context, hosted, pull.number).close(deliver=deliver)

    def fork(self, owner: str) -> Repository:
        """A fork in another account, with the branches that there are now."""
        made = replace(self._hosted.record, id=self._context.state.next_id(), owner=owner, parent_id=self.id)
        git = self._hosted.git.fork(self._context.git_folder(made.id))
        return Repository(self._context, self._context.host(git, replace(made, created_at=now(), pushed_at=now())))

    def delete(self) -> None:
        """The repository is gone from the API; pull requests that came from it stay, without ``head.repo``."""
        del self._context.state.repositories[self.id]

    def open_pull(
        self,
        branch: str,
        title: str,
        *,
        draft: bool = False,
        base: str | None = None,
        head_repository: Repository | None = None,
        deliver: bool = True,
    ) -> Pull:
        """Opens a pull request from ``branch``, of a fork if one is given; raises ValueError where GitHub refuses."""
        source = self._context.state.repositories[(head_repository or self).id]
        target = base or self.default_branch
        with self._context.state.lock:
            pull = self._new_pull(len(self._hosted.pulls) + 1, source, branch, target)
            pull = replace(pull, title=title, draft=draft)
            self._hosted.pulls[pull.number] = pull
        self._context.announce(self._hosted, pull, "opened", deliver=deliver)
        return self.pull(pull.number)

    def _new_pull(self, number: int, source: HostedRepository, branch: str, target: str) -> PullRecord:
        head_sha, base_sha = source.git.branch_sha(branch), self.branch_sha(target)
        self._refuse_a_second(source, branch, target)
        take_head(self._hosted, source, branch, number)
        if self._hosted.git.is_ancestor(head_sha, base_sha):
            raise ValueError(f"No commits between {target} and {branch}")
        return PullRecord(
            id=self._context.state.next_id(),
            number=number,
            title=branch,
            author=AUTHOR if source is self._hosted else source.record.owner,
            base_repository_id=self.id,
            base_ref=target,
            base_sha=base_sha,
            head_repository_id=source.record.id,
            head_owner=source.record.owner,
            head_ref=branch,
            head_sha=head_sha,
            created_at=now(),
            updated_at=now(),
        )

    def _refuse_a_second(self, source: HostedRepository, branch: str, target: str) -> None:
        for _, pull in self._context.state.pulls_from(source.record.id, branch):
            if (pull.base_repository_id, pull.base_ref) == (self.id, target):
                raise ValueError(f"A pull request already exists for {source.record.owner}:{branch}.")
