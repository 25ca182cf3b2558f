"""The bodies of webhooks."""

from __future__ import annotations

from typing import Any

from local.github.feedback import Actor, CommentRecord, DeploymentRecord, DeploymentStatusRecord
from local.github.git_objects import read_commit
from local.github.payloads import comments, deployments
from local.github.payloads.accounts import node_id, organization
from local.github.payloads.apps import account
from local.github.payloads.pulls import webhook_pull
from local.github.payloads.repositories import repository
from local.github.payloads.urls import Urls, time_text
from local.github.state import HostedRepository, MergeGroupRecord, PullRecord, State

_NO_WORKFLOW = dict.fromkeys(("workflow", "workflow_run"))  # the double has none, and nobody here reads them


def pull_request_event(
    urls: Urls, state: State, hosted: HostedRepository, pull: PullRecord, action: str, **details: Any
) -> dict[str, Any]:
    """``details`` is what the action has of its own: ``before`` and ``after`` of ``synchronize``, a ``label``."""
    return {
        "action": action,
        "number": pull.number,
        "pull_request": webhook_pull(urls, state, hosted, pull),
        **details,
        **surroundings(urls, state, hosted, Actor(pull.author)),
    }


def issue_comment_event(
    urls: Urls,
    state: State,
    hosted: HostedRepository,
    comment: CommentRecord,
    action: str,
    sender: Actor,
    **details: Any,
) -> dict[str, Any]:
    """Of a comment on a pull request; ``details`` are the ``changes`` of ``edited``."""
    return {
        "action": action,
        **details,
        "issue": comments.issue(urls, hosted, hosted.pulls[comment.number]),
        "comment": comments.comment(urls, state, hosted, comment),
        **surroundings(urls, state, hosted, sender),
    }


def merge_group_event(
    urls: Urls, state: State, hosted: HostedRepository, group: MergeGroupRecord, action: str, **details: Any
) -> dict[str, Any]:
    """``details`` is the ``reason`` of ``destroyed``; a merge queue's events are GitHub's own."""
    commit = read_commit(hosted.git, group.head_sha)
    people = {"author": commit.author, "committer": commit.committer}
    shown = {
        "head_sha": group.head_sha,
        "head_ref": group.head_ref,
        "base_sha": group.base_sha,
        "base_ref": f"refs/heads/{group.base_ref}",
        "head_commit": {
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": commit.committer.date,
            **{role: {"name": one.name, "email": one.email} for role, one in people.items()},
        },
    }
    around = surroundings(urls, state, hosted, Actor("github-merge-queue[bot]", app_id=0))
    return {"action": action, **details, "merge_group": shown, **around}


def ping_event(urls: Urls, state: State, hosted: HostedRepository, *, hook_id: int, hook_url: str) -> dict[str, Any]:
    """What GitHub sends when a webhook is made."""
    made = time_text(hosted.record.created_at)
    api = f"{urls.repository(hosted.record.full_name)}/hooks/{hook_id}"
    hook = {
        "type": "Repository",
        "id": hook_id,
        "name": "web",
        "active": True,
        "events": ["pull_request"],
        "config": {"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": hook_url},
        "created_at": made,
        "updated_at": made,
        "url": api,
        "test_url": f"{api}/test",
        "ping_url": f"{api}/pings",
        "deliveries_url": f"{api}/deliveries",
        "last_response": {"code": None, "status": "unused", "message": None},
    }
    around = surroundings(urls, state, hosted, Actor(hosted.record.owner))
    return {"zen": "Keep it logically awesome.", "hook_id": hook_id, "hook": hook, **around}


def surroundings(urls: Urls, state: State, hosted: HostedRepository, sender: Actor) -> dict[str, Any]:
    """What every event carries besides its subject; an App's webhook tells its installation."""
    record = hosted.record
    shown = {"repository": repository(urls, hosted), "sender": account(urls, sender)}
    if record.parent_id is None:
        shown["organization"] = organization(urls, record.owner)
    installation = state.apps.installation_on(record.owner, record.id)
    if installation is not None:
        number = installation.id
        shown["installation"] = {"id": number, "node_id": node_id("IntegrationInstallation", number)}
    return shown


def deployment_event(urls: Urls, state: State, hosted: HostedRepository, record: DeploymentRecord) -> dict[str, Any]:
    return {
        "action": "created",
        "deployment": deployments.deployment(urls, state, hosted, record),
        **_NO_WORKFLOW,
        **surroundings(urls, state, hosted, record.creator),
    }


def deployment_status_event(
    urls: Urls, state: State, hosted: HostedRepository, record: DeploymentRecord, status: DeploymentStatusRecord
) -> dict[str, Any]:
    return {
        "action": "created",
        "deployment_status": deployments.deployment_status(urls, state, hosted, status),
        "deployment": deployments.deployment(urls, state, hosted, record),
        "check_run": None,
        **_NO_WORKFLOW,
        **surroundings(urls, state, hosted, status.creator),
    }
