"""What dagbranch says of commits, written to GitHub: one comment on a pull request, checks, and deployments.

No write is sent twice: where an answer was lost, what was written is found again by what makes it ours.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Final

from github import GithubException, UnknownObjectException
from pydantic import BaseModel, BeforeValidator, TypeAdapter

from dagbranch.adapters.github_api import PER_PAGE, GitHubApi, passes, translated
from dagbranch.adapters.github_checks import LONGEST_DESCRIPTION, put_check_run, put_commit_status, shortened
from dagbranch.adapters.github_credentials import REPORTS, GitHubCredentials, Permissions
from dagbranch.domain.reports import Check, Deployment, Reaction, ReleaseStatus

_TASK: Final = "deploy"


type _Text = Annotated[str, BeforeValidator(lambda found: found or "")]


class _Identified(BaseModel):
    id: int


class _User(BaseModel):
    login: str


class _Comment(BaseModel):
    id: int
    user: _User | None
    body: str | None = None


class _Deployment(BaseModel):
    id: int
    sha: str
    environment: str
    payload: Any = None


class _DeploymentStatus(BaseModel):
    state: str
    description: _Text = ""
    environment_url: _Text = ""


class _ToldStatus(_DeploymentStatus):
    id: int

    def says(self, other: _DeploymentStatus) -> bool:
        return self.model_dump(exclude={"id"}) == other.model_dump()


_IDENTIFIED: Final = TypeAdapter(_Identified)
_COMMENTS: Final = TypeAdapter(list[_Comment])
_DEPLOYMENT: Final = TypeAdapter(_Deployment)
_DEPLOYMENTS: Final = TypeAdapter(list[_Deployment])
_STATUSES: Final = TypeAdapter(list[_ToldStatus])


class PyGithubReports:
    """``secret`` is a token, or a GitHub App's JSON. Raises ConfigurationError where it is neither."""

    def __init__(self, api_url: str, secret: str, permissions: Permissions = REPORTS) -> None:
        self._credentials = GitHubCredentials(api_url, secret, permissions)

    def put_comment(self, repository: str, pull_number: int, text: str, comment_id: int | None) -> int:
        with translated(f"commenting on {repository}#{pull_number}"):
            api, comments = self._credentials.api(repository), f"/repos/{repository}/issues/{pull_number}/comments"
            if comment_id is not None and _edited(api, repository, comment_id, text):
                return comment_id
            standing = _own_comment(api.every_page(_COMMENTS, comments), text, self._credentials.author(repository))
            if standing is None:
                return api.tell(_IDENTIFIED, "POST", comments, body=text).id
            if standing.body != text:
                _edited(api, repository, standing.id, text)
            return standing.id

    def put_check(self, repository: str, check: Check, check_id: int | None) -> int | None:
        """Commit statuses for a person's token, and for an App that was not granted check runs."""
        with translated(f"reporting {check.name} of {check.head_sha[:7]} to {repository}"):
            api, app_id = self._credentials.api(repository), self._credentials.app_id(repository)
            try:
                return put_check_run(api, repository, check, check_id, app_id)
            except GithubException as error:
                if error.status != 403 or passes(error):
                    raise
                put_commit_status(api, repository, check)
                return None

    def put_deployment(self, repository: str, deployment: Deployment, deployment_id: int | None) -> int:
        """Without an id a new one, but for one that is still under way: of that, the answer was lost."""
        with translated(f"reporting the deployment of {deployment.head_sha[:7]} to {repository}"):
            api, deployments = self._credentials.api(repository), f"/repos/{repository}/deployments"
            standing = _standing_deployment(api, deployments, deployment, deployment_id)
            if standing is None:
                standing = api.tell(_IDENTIFIED, "POST", deployments, **_deployment_body(deployment)).id
            statuses = f"{deployments}/{standing}/statuses"
            last = _last_status(api, statuses)
            if last is None or not last.says(_told_status(deployment)):
                api.tell(_IDENTIFIED, "POST", statuses, **_status_body(_told_status(deployment)))
            return standing

    def make_release(self, repository: str, environment: str, head_sha: str, description: str) -> int:
        """Where an answer was lost, who asks again finds what was made as the environment's newest deployment."""
        with translated(f"deploying {head_sha[:7]} of {repository} to {environment}"):
            place, body = f"/repos/{repository}/deployments", _release_body(environment, head_sha, description)
            return self._credentials.api(repository).tell(_IDENTIFIED, "POST", place, **body).id

    def put_release_status(self, repository: str, status: ReleaseStatus) -> None:
        with translated(f"telling how deployment {status.deployment_id} of {repository} stands"):
            place = f"/repos/{repository}/deployments/{status.deployment_id}/statuses"
            try:
                api = self._credentials.api(repository)
                last = _last_status(api, place)
                if last is None or not last.says(_told_status(status)):
                    api.tell(_IDENTIFIED, "POST", place, **_status_body(_told_status(status)))
            except UnknownObjectException:
                return

    def react(self, repository: str, comment_id: int, reaction: Reaction) -> None:
        with translated(f"reacting to a comment in {repository}"):
            place = f"/repos/{repository}/issues/comments/{comment_id}/reactions"
            try:
                self._credentials.api(repository).tell(_IDENTIFIED, "POST", place, content=reaction)
            except UnknownObjectException:
                return


def _edited(api: GitHubApi, repository: str, comment_id: int, text: str) -> bool:
    """False where it is gone."""
    try:
        api.tell(_IDENTIFIED, "PATCH", f"/repos/{repository}/issues/comments/{comment_id}", body=text)
    except UnknownObjectException:
        return False
    return True


def _own_comment(comments: list[_Comment], text: str, author: str) -> _Comment | None:
    """The oldest that begins with the same line, the marker; anybody can write a marker, but not as us."""
    ours = (one for one in comments if one.user is not None and one.user.login == author)
    same = [one for one in ours if _first_line(one.body or "") == _first_line(text)]
    return min(same, key=lambda one: one.id, default=None)


def _first_line(text: str) -> str:
    return text.partition("\n")[0].strip()


def _standing_deployment(
    api: GitHubApi, deployments: str, deployment: Deployment, deployment_id: int | None
) -> int | None:
    if deployment_id is not None:
        with suppress(UnknownObjectException):
            return api.ask(_DEPLOYMENT, f"{deployments}/{deployment_id}").id
    found = api.every_page(
        _DEPLOYMENTS, deployments, sha=deployment.head_sha, environment=deployment.environment, task=_TASK
    )
    latest = max((one.id for one in found if _is_ours(one, deployment)), default=None)
    if latest is None:
        return None
    last = _last_status(api, f"{deployments}/{latest}/statuses")
    return latest if last is None or last.state == "in_progress" or last.says(_told_status(deployment)) else None


def _last_status(api: GitHubApi, statuses: str) -> _ToldStatus | None:
    """GitHub documents no order."""
    found = api.ask(_STATUSES, statuses, per_page=PER_PAGE)
    return max(found, key=lambda one: one.id, default=None)


def _told_status(told: Deployment | ReleaseStatus) -> _DeploymentStatus:
    description = shortened(told.description, LONGEST_DESCRIPTION)
    return _DeploymentStatus(state=told.state, description=description, environment_url=told.url or "")


def _status_body(status: _DeploymentStatus) -> dict[str, object]:
    """GitHub would make others of the environment inactive: those of other pull requests, or what a canary is beside.

    What a release has replaced, dagbranch tells itself.
    """
    return {**status.model_dump(), "log_url": status.environment_url, "auto_inactive": False}


def _is_ours(found: _Deployment, deployment: Deployment) -> bool:
    """Two pull requests may have the same head commit."""
    same = (found.sha, found.environment) == (deployment.head_sha, deployment.environment)
    return same and found.payload == _payload(deployment)


def _deployment_body(deployment: Deployment) -> dict[str, object]:
    return {
        "ref": deployment.head_sha,
        "task": _TASK,
        "environment": deployment.environment,
        "description": shortened(deployment.description, LONGEST_DESCRIPTION),
        "auto_merge": False,
        "required_contexts": [],
        "transient_environment": True,
        "production_environment": False,
        "payload": _payload(deployment),
    }


def _release_body(environment: str, head_sha: str, description: str) -> dict[str, object]:
    """The gates ask about the commit's checks, and the commit is deployed as it is."""
    return {
        "ref": head_sha,
        "task": _TASK,
        "environment": environment,
        "description": shortened(description, LONGEST_DESCRIPTION),
        "auto_merge": False,
        "required_contexts": [],
    }


def _payload(deployment: Deployment) -> dict[str, object]:
    return {"dagbranch": deployment.environment.rpartition("/")[2], "pull_number": deployment.pull_number}
