"""Deployments and the statuses that make up their lives."""

from __future__ import annotations

from typing import Any

from local.github.deployed import Desk
from local.github.feedback import DeploymentRecord
from local.github.payloads import deployments
from local.github.rest.inputs import DeploymentInput, DeploymentStatusInput, read
from local.github.rest.messages import Answer, ApiError, failed_validation, json_answer, not_found
from local.github.rest.pagination import page_of
from local.github.rest.site import Call

_MOST_DESCRIPTION = 140
_ADDRESSES = ("target_url", "log_url", "environment_url")


def list_deployments(call: Call) -> Answer:
    """Newest first, of a ``sha``, ``ref``, ``task`` and ``environment`` where these are asked for."""
    query = call.request.query
    feedback, wanted = call.hosted.feedback, {key: query[key] for key in ("sha", "ref", "task") if query.get(key)}
    every = reversed(list(feedback.deployments.values()))
    found = [one for one in every if all(getattr(one, key) == value for key, value in wanted.items())]
    if environment := query.get("environment"):
        found = [one for one in found if feedback.view_of(one).environment == environment]
    page, headers = page_of(found, query, call.address("/deployments"))
    shown = [deployments.deployment(call.urls, call.site.state, call.hosted, one) for one in page]
    return json_answer(shown, headers=headers)


def create_deployment(call: Call) -> Answer:
    """201; 202 where the default branch was merged into a ``ref`` behind it: ``auto_merge`` is on by default."""
    wanted = read(DeploymentInput, call.request)
    sha = call.hosted.git.resolve(wanted.ref)
    if sha is None:
        raise ApiError(422, f"No ref found for: {wanted.ref}")
    if wanted.auto_merge and _merged(call, wanted.ref, sha):
        default_branch = call.hosted.record.default_branch
        return json_answer({"message": f"Auto-merged {default_branch} into {wanted.ref} on deployment."}, 202)
    if not _contexts_succeeded(call, sha, wanted.required_contexts):
        raise ApiError(409, f"Conflict: Commit status checks failed for {wanted.ref}.")
    record = _desk(call).make(wanted.ref, sha, call.actor, wanted.environment, **_details(wanted))
    return json_answer(deployments.deployment(call.urls, call.site.state, call.hosted, record), 201)


def show_deployment(call: Call) -> Answer:
    return json_answer(deployments.deployment(call.urls, call.site.state, call.hosted, _deployment(call)))


def list_statuses(call: Call) -> Answer:
    record = _deployment(call)
    address = call.address(f"/deployments/{record.id}/statuses")
    page, headers = page_of(call.hosted.feedback.history_of(record.id), call.request.query, address)
    shown = [deployments.deployment_status(call.urls, call.site.state, call.hosted, one) for one in page]
    return json_answer(shown, headers=headers)


def create_status(call: Call) -> Answer:
    record, wanted = _deployment(call), read(DeploymentStatusInput, call.request)
    _check(wanted)
    made = _desk(call).say(record, call.actor, auto_inactive=wanted.auto_inactive, **_status_details(wanted))
    return json_answer(deployments.deployment_status(call.urls, call.site.state, call.hosted, made), 201)


def _deployment(call: Call) -> DeploymentRecord:
    record = call.hosted.feedback.deployments.get(int(call.parts["deployment"]))
    if record is None:
        raise not_found()
    return record


def _desk(call: Call) -> Desk:
    return Desk(call.site, call.hosted, call.site.tell)


def _details(wanted: DeploymentInput) -> dict[str, Any]:
    is_production = wanted.production_environment
    return {
        "task": wanted.task,
        "description": wanted.description,
        "payload": wanted.payload,
        "transient_environment": wanted.transient_environment,
        "production_environment": wanted.environment == "production" if is_production is None else is_production,
    }


def _status_details(wanted: DeploymentStatusInput) -> dict[str, Any]:
    return {
        "state": wanted.state,
        "environment": wanted.environment,
        "description": wanted.description,
        "environment_url": wanted.environment_url,
        "log_url": wanted.log_url or wanted.target_url,
    }


def _merged(call: Call, ref: str, sha: str) -> bool:
    """Whether the default branch had something that the branch ``ref`` had not, and was merged into it."""
    git = call.hosted.git
    base = git.branch_sha(call.hosted.record.default_branch)
    if git.find_branch(ref) != sha or git.is_ancestor(base, sha):
        return False
    if not git.merges_cleanly(sha, base):
        raise ApiError(409, f"Conflict merging {call.hosted.record.default_branch} into {ref}.")
    git.set_ref(f"refs/heads/{ref}", git.merge(sha, base, f"Merge {call.hosted.record.default_branch} into {ref}"))
    return True


def _contexts_succeeded(call: Call, sha: str, required: list[str] | None) -> bool:
    """Without ``required``, every status and check run of the commit counts."""
    feedback = call.hosted.feedback
    states = {one.context: one.state for one in feedback.latest_statuses(sha)}
    states |= {one.name: one.outcome for one in feedback.checks_of(sha)}
    return all(
        states.get(name) in {"success", "neutral", "skipped"} for name in (states if required is None else required)
    )


def _check(wanted: DeploymentStatusInput) -> None:
    if len(wanted.description) > _MOST_DESCRIPTION:
        words = f"description is too long (maximum is {_MOST_DESCRIPTION} characters)"
        raise failed_validation("DeploymentStatus", "description", "custom", words)
    for name in _ADDRESSES:
        address = getattr(wanted, name)
        if address and not address.startswith(("http://", "https://")):
            raise failed_validation("DeploymentStatus", name, "custom", f"{name} must use http(s) scheme")
