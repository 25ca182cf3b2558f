"""What goes to and from the double, held against the schemas that GitHub publishes (as ``githubkit`` carries them).

https://github.com/github/rest-api-description
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from githubkit_schemas.latest import models, webhooks
from pydantic import TypeAdapter, ValidationError

from local.github.rest.exchanges import Exchange
from local.github.webhooks import Delivery

_REPOSITORY = r"/(?:repos/[^/]+/[^/]+|repositories/\d+)"
_ANY_SHOWN = models.ContentFile | models.ContentSymlink | models.ContentSubmodule | list[models.ContentDirectoryItems]
_ANSWERS: tuple[tuple[str, str, int, Any], ...] = (
    ("GET", r"/rate_limit", 200, models.RateLimitOverview),
    ("GET", r"/user", 200, models.PublicUser),
    ("GET", r"/app", 200, models.Integration),
    ("GET", r"/app/installations", 200, list[models.Installation]),
    ("GET", r"/app/installations/\d+", 200, models.Installation),
    ("POST", r"/app/installations/\d+/access_tokens", 201, models.InstallationToken),
    ("GET", rf"{_REPOSITORY}", 200, models.FullRepository),
    ("GET", rf"{_REPOSITORY}/installation", 200, models.Installation),
    ("GET", rf"{_REPOSITORY}/branches/.+", 200, models.BranchWithProtection),
    ("GET", rf"{_REPOSITORY}/commits/.+/check-runs", 200, models.ReposOwnerRepoCommitsRefCheckRunsGetResponse200),
    ("GET", rf"{_REPOSITORY}/commits/.+/statuses", 200, list[models.Status]),
    ("GET", rf"{_REPOSITORY}/statuses/.+", 200, list[models.Status]),
    ("GET", rf"{_REPOSITORY}/commits/.+/status", 200, models.CombinedCommitStatus),
    ("GET", rf"{_REPOSITORY}/commits/.+", 200, models.Commit),
    ("GET", rf"{_REPOSITORY}/compare/.+", 200, models.CommitComparison),
    ("GET", rf"{_REPOSITORY}/git/commits/.+", 200, models.GitCommit),
    ("GET", rf"{_REPOSITORY}/git/trees/.+", 200, models.GitTree),
    ("GET", rf"{_REPOSITORY}/git/blobs/.+", 200, models.Blob),
    ("GET", rf"{_REPOSITORY}/contents.*", 200, _ANY_SHOWN),
    ("GET", rf"{_REPOSITORY}/pulls", 200, list[models.PullRequestSimple]),
    ("GET", rf"{_REPOSITORY}/pulls/\d+", 200, models.PullRequest),
    ("GET", rf"{_REPOSITORY}/pulls/\d+/files", 200, list[models.DiffEntry]),
    ("GET", rf"{_REPOSITORY}/collaborators/[^/]+/permission", 200, models.RepositoryCollaboratorPermission),
    ("GET", rf"{_REPOSITORY}/issues/\d+/comments", 200, list[models.IssueComment]),
    ("POST", rf"{_REPOSITORY}/issues/\d+/comments", 201, models.IssueComment),
    ("GET", rf"{_REPOSITORY}/issues/comments/\d+", 200, models.IssueComment),
    ("PATCH", rf"{_REPOSITORY}/issues/comments/\d+", 200, models.IssueComment),
    ("GET", rf"{_REPOSITORY}/issues/comments/\d+/reactions", 200, list[models.Reaction]),
    ("POST", rf"{_REPOSITORY}/issues/comments/\d+/reactions", 200, models.Reaction),
    ("POST", rf"{_REPOSITORY}/issues/comments/\d+/reactions", 201, models.Reaction),
    ("POST", rf"{_REPOSITORY}/check-runs", 201, models.CheckRun),
    ("GET", rf"{_REPOSITORY}/check-runs/\d+", 200, models.CheckRun),
    ("PATCH", rf"{_REPOSITORY}/check-runs/\d+", 200, models.CheckRun),
    ("GET", rf"{_REPOSITORY}/check-runs/\d+/annotations", 200, list[models.CheckAnnotation]),
    ("POST", rf"{_REPOSITORY}/statuses/[^/]+", 201, models.Status),
    ("GET", rf"{_REPOSITORY}/deployments", 200, list[models.Deployment]),
    ("POST", rf"{_REPOSITORY}/deployments", 201, models.Deployment),
    ("POST", rf"{_REPOSITORY}/deployments", 202, models.ReposOwnerRepoDeploymentsPostResponse202),
    ("GET", rf"{_REPOSITORY}/deployments/\d+", 200, models.Deployment),
    ("GET", rf"{_REPOSITORY}/deployments/\d+/statuses", 200, list[models.DeploymentStatus]),
    ("POST", rf"{_REPOSITORY}/deployments/\d+/statuses", 201, models.DeploymentStatus),
)
_SENT: tuple[tuple[str, str, Any], ...] = (
    ("POST", r"/app/installations/\d+/access_tokens", models.AppInstallationsInstallationIdAccessTokensPostBody),
    ("POST", rf"{_REPOSITORY}/issues/\d+/comments", models.ReposOwnerRepoIssuesIssueNumberCommentsPostBody),
    ("PATCH", rf"{_REPOSITORY}/issues/comments/\d+", models.ReposOwnerRepoIssuesCommentsCommentIdPatchBody),
    (
        "POST",
        rf"{_REPOSITORY}/issues/comments/\d+/reactions",
        models.ReposOwnerRepoIssuesCommentsCommentIdReactionsPostBody,
    ),
    (
        "POST",
        rf"{_REPOSITORY}/check-runs",
        models.ReposOwnerRepoCheckRunsPostBodyOneof0 | models.ReposOwnerRepoCheckRunsPostBodyOneof1,
    ),
    (
        "PATCH",
        rf"{_REPOSITORY}/check-runs/\d+",
        models.ReposOwnerRepoCheckRunsCheckRunIdPatchBodyAnyof0
        | models.ReposOwnerRepoCheckRunsCheckRunIdPatchBodyAnyof1,
    ),
    ("POST", rf"{_REPOSITORY}/statuses/[^/]+", models.ReposOwnerRepoStatusesShaPostBody),
    ("POST", rf"{_REPOSITORY}/deployments", models.ReposOwnerRepoDeploymentsPostBody),
    (
        "POST",
        rf"{_REPOSITORY}/deployments/\d+/statuses",
        models.ReposOwnerRepoDeploymentsDeploymentIdStatusesPostBody,
    ),
)
# GitHub answers with the state ``waiting``, too, which its schema of the REST API lacks and that of its webhooks has:
# https://github.com/CloudSnorkel/cdk-github-runners/pull/416
_WAITING = b'"state":"waiting"', b'"state":"pending"'
_REFUSAL = models.ValidationError | models.ValidationErrorSimple | models.BasicError


def faults_sent(exchanges: Iterable[Exchange]) -> list[str]:
    """What was asked of GitHub and is not valid by its schemas: bodies with unknown or wrong keys, and no body."""
    return [fault for one in exchanges if (fault := _fault_sent(one))]


def faults_answered(exchanges: Iterable[Exchange]) -> list[str]:
    """The double's answers that are not valid by GitHub's schemas."""
    return [fault for one in exchanges if (fault := _fault_answered(one))]


def faults_delivered(deliveries: Iterable[Delivery]) -> list[str]:
    """The webhooks that are not valid by GitHub's schemas."""
    found = []
    for delivery in deliveries:
        name = "".join(word.capitalize() for word in delivery.event.split("_"))
        fault = _fault(getattr(webhooks, f"{name}Event"), delivery.body)
        found += [f"webhook {delivery.event} {delivery.action}: {fault}"] if fault else []
    return found


def _fault_sent(exchange: Exchange) -> str | None:
    for method, pattern, model in _SENT:
        if method == exchange.method and re.fullmatch(pattern, exchange.path):
            fault = _fault(model, _without_free_form(exchange.sent), extra="forbid")
            return f"{method} {exchange.path} was sent {fault}" if fault else None
    return f"{exchange.method} {exchange.path} was sent a body" if exchange.sent else None


def _without_free_form(sent: bytes) -> bytes:
    """A deployment's payload holds what its maker likes: of all objects, no key in it is unknown."""
    try:
        content = json.loads(sent or b"{}")
    except ValueError:
        return sent
    if isinstance(content, dict) and isinstance(content.get("payload"), dict):
        content["payload"] = {}
    return json.dumps(content).encode()


def _fault_answered(exchange: Exchange) -> str | None:
    if exchange.status == 204:
        return None if not exchange.answered else f"{exchange.method} {exchange.path} answered 204 with a body"
    model = _answer_of(exchange)
    if model is None:
        return f"no schema is known for {exchange.method} {exchange.path} → {exchange.status}"
    fault = _fault(model, exchange.answered.replace(*_WAITING))
    return f"{exchange.method} {exchange.path} → {exchange.status}: {fault}" if fault else None


def _answer_of(exchange: Exchange) -> Any:
    if exchange.status >= 400:
        return _REFUSAL if exchange.status in {400, 422} else models.BasicError
    for method, pattern, status, model in _ANSWERS:
        if (method, status) == (exchange.method, exchange.status) and re.fullmatch(pattern, exchange.path):
            return model
    return None


def _fault(model: Any, content: bytes, **how: Any) -> str | None:
    try:
        _adapter(model).validate_json(content, **how)
    except ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:4])
    return None


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)
