"""What GitHub says of branches, deployments and the checks of a commit, read for the release lanes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from github import UnknownObjectException

from dagbranch.adapters.github_answers import (
    BRANCH,
    COMPARISON,
    DEPLOYMENT,
    DEPLOYMENT_STATUSES,
    DEPLOYMENTS,
    REPOSITORY,
    Account,
    App,
    Deployment,
    DeploymentStatus,
    Repository,
)
from dagbranch.adapters.github_api import PER_PAGE, GitHubApi, translated
from dagbranch.adapters.github_commit_checks import Outcome, outcomes_of
from dagbranch.adapters.github_credentials import RELEASES, GitHubCredentials, Permissions
from dagbranch.domain.release_wishes import AskedDeployment, read_wish
from dagbranch.ports import DefaultBranch

_ACTIONS: Final = "github-actions"
_BOT_OF_ACTIONS: Final = "github-actions[bot]"
_NOBODY: Final = "ghost"  # whom GitHub shows where an account is gone


class PyGithubReleases:
    """``secret`` is a token, or a GitHub App's JSON. Raises ConfigurationError where it is neither.

    For one piece of work: what a repository is called, and its default branch's name, are asked for once.
    """

    def __init__(self, api_url: str, secret: str, permissions: Permissions = RELEASES) -> None:
        self._credentials = GitHubCredentials(api_url, secret, permissions)
        self._known: dict[str, Repository] = {}

    def app_id(self) -> int | None:
        """Of our own GitHub App; None where a token speaks."""
        with translated("asking which GitHub App we are"):
            return self._credentials.own_app_id()

    def default_branch(self, repository: str) -> DefaultBranch | None:
        with translated(f"asking for the default branch of {repository}"):
            try:
                api = self._credentials.api(repository)
                found = self._repository(api, repository)
                head_sha = _head_of(api, repository, found.default_branch)
            except UnknownObjectException:
                return None
            return DefaultBranch(found.id, found.full_name, found.default_branch, head_sha)

    def is_on_branch(self, repository: str, branch: str, head_sha: str) -> bool:
        """By the commit that is the branch's: a tag of the same name would be taken for it."""
        with translated(f"asking whether {head_sha[:7]} is on {branch} of {repository}"):
            try:
                api = self._credentials.api(repository)
                newest = _head_of(api, repository, branch)
                return newest == head_sha or _parted_at(api, repository, newest, head_sha) == head_sha
            except UnknownObjectException:
                return False

    def deployment(self, repository: str, deployment_id: int) -> AskedDeployment | None:
        with translated(f"asking for deployment {deployment_id} of {repository}"):
            try:
                api = self._credentials.api(repository)
                found = api.ask(DEPLOYMENT, f"/repos/{repository}/deployments/{deployment_id}")
                return self._asked(api, repository, found)
            except UnknownObjectException:
                return None

    def newest_deployment(self, repository: str, environment: str) -> AskedDeployment | None:
        """Of those that GitHub lists on its first page, which holds the newest."""
        with translated(f"asking for the newest deployment of {repository} to {environment}"):
            place = f"/repos/{repository}/deployments"
            try:
                api = self._credentials.api(repository)
                listed = api.ask(DEPLOYMENTS, place, environment=environment, per_page=PER_PAGE)
                made_for_it = [one for one in listed if one.made_for == environment]
                newest = max(made_for_it, key=lambda one: one.id, default=None)
                return None if newest is None else self._asked(api, repository, newest)
            except UnknownObjectException:
                return None

    def commit_checks(self, repository: str, head_sha: str) -> Mapping[str, Outcome]:
        with translated(f"asking for the checks of {head_sha[:7]} in {repository}"):
            return outcomes_of(self._credentials.api(repository), f"/repos/{repository}/commits/{head_sha}")

    def _asked(self, api: GitHubApi, repository: str, found: Deployment) -> AskedDeployment:
        place = f"/repos/{repository}/deployments/{found.id}/statuses"
        known = self._repository(api, repository)
        return _deployment(known, found, api.ask(DEPLOYMENT_STATUSES, place, per_page=PER_PAGE))

    def _repository(self, api: GitHubApi, repository: str) -> Repository:
        if repository not in self._known:
            self._known[repository] = api.ask(REPOSITORY, f"/repos/{repository}")
        return self._known[repository]


def _head_of(api: GitHubApi, repository: str, branch: str) -> str:
    return api.ask(BRANCH, f"/repos/{repository}/branches/{quote(branch)}").commit.sha


def _parted_at(api: GitHubApi, repository: str, base_sha: str, head_sha: str) -> str:
    """Where two commits parted: the older one of the two itself, where it is an ancestor of the other."""
    place = f"/repos/{repository}/compare/{base_sha}...{head_sha}"
    # The first page alone carries the changed files with their patches, which can be megabytes.
    return api.ask(COMPARISON, place, per_page=1, page=2).merge_base_commit.sha


def _deployment(known: Repository, found: Deployment, statuses: list[DeploymentStatus]) -> AskedDeployment:
    told = sorted(statuses, key=lambda one: one.id)  # GitHub documents no order
    of_a_workflow = _is_of_a_workflow(found, told)
    by_job = [one for one in told if of_a_workflow and _is_of_its_job(one, found)]
    wish, faults = read_wish(found.payload)
    return AskedDeployment(
        id=found.id,
        repository_id=known.id,
        repository=known.full_name,
        environment=found.made_for,
        head_sha=found.sha,
        creator=_login(found.creator),
        is_of_a_workflow=of_a_workflow,
        created_at=found.created_at,
        status=_status(told, by_job),
        made_by_app=found.performed_via_github_app.id if found.performed_via_github_app else None,
        has_begun=any(one.state == "in_progress" for one in by_job),
        wish=wish,
        faults=faults,
    )


def _is_of_a_workflow(found: Deployment, told: list[DeploymentStatus]) -> bool:
    """Only GitHub Actions lets a deployment wait: the API takes no such status."""
    is_its_own = _is_by_actions(found.performed_via_github_app) or _login(found.creator) == _BOT_OF_ACTIONS
    return is_its_own or any(one.state == "waiting" for one in told)


def _is_of_its_job(status: DeploymentStatus, found: Deployment) -> bool:
    """Whoever may push can write a status, in their own name, and from any workflow in the bot's."""
    is_of_a_token = _login(status.creator) == _BOT_OF_ACTIONS
    is_allowed = not is_of_a_token or _login(found.creator) == _BOT_OF_ACTIONS
    return is_allowed and (is_of_a_token or _is_by_actions(status.performed_via_github_app))


def _status(told: list[DeploymentStatus], by_job: list[DeploymentStatus]) -> str | None:
    """The newest; but a job's own success says only that it has run: what it asked for is still to be done."""
    shown = [one for one in told if one.state != "success" or one not in by_job]
    return shown[-1].state if shown else None


def _is_by_actions(app: App | None) -> bool:
    return app is not None and app.slug == _ACTIONS


def _login(account: Account | None) -> str:
    return account.login if account else _NOBODY
