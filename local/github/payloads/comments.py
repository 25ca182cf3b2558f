"""Comments on pull requests and reactions to them, as the REST API and the webhooks show them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from local.github.feedback import CommentRecord, ReactionRecord
from local.github.payloads.accounts import node_id, user
from local.github.payloads.apps import account, performed_via
from local.github.payloads.pulls import label
from local.github.payloads.urls import Urls, time_text
from local.github.state import HostedRepository, PullRecord, State

_CONTENTS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def comment(urls: Urls, state: State, hosted: HostedRepository, record: CommentRecord) -> dict[str, Any]:
    api = f"{urls.repository(hosted.record.full_name)}/issues"
    page = f"{urls.page(hosted.record.full_name)}/pull/{record.number}"
    return {
        "id": record.id,
        "node_id": node_id("IssueComment", record.id),
        "url": f"{api}/comments/{record.id}",
        "html_url": f"{page}#issuecomment-{record.id}",
        "issue_url": f"{api}/{record.number}",
        "user": account(urls, record.author),
        "body": record.body,
        "created_at": time_text(record.created_at),
        "updated_at": time_text(record.updated_at),
        "author_association": _association(hosted, record),
        "performed_via_github_app": performed_via(urls, state, record.author),
        "reactions": _rollup(f"{api}/comments/{record.id}/reactions", hosted.feedback.reactions_to(record.id)),
    }


def reaction(urls: Urls, record: ReactionRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "node_id": node_id("Reaction", record.id),
        "user": account(urls, record.author),
        "content": record.content,
        "created_at": time_text(record.created_at),
    }


def issue(urls: Urls, hosted: HostedRepository, pull: PullRecord) -> dict[str, Any]:
    """The pull request as the issue that it is to its comments."""
    full_name = hosted.record.full_name
    api, page = f"{urls.repository(full_name)}/issues/{pull.number}", f"{urls.page(full_name)}/pull/{pull.number}"
    merged_at = time_text(pull.merged_at) if pull.merged_at else None
    return {
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "title": pull.title,
        "url": api,
        "repository_url": urls.repository(full_name),
        "labels_url": f"{api}/labels{{/name}}",
        "comments_url": f"{api}/comments",
        "events_url": f"{api}/events",
        "timeline_url": f"{api}/timeline",
        "html_url": page,
        "user": user(urls, pull.author),
        "labels": [label(urls, hosted, one) for one in pull.labels],
        "state": pull.state,
        "state_reason": None,
        "locked": False,
        "active_lock_reason": None,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": len(hosted.feedback.comments_on(pull.number)),
        "created_at": time_text(pull.created_at),
        "updated_at": time_text(pull.updated_at),
        "closed_at": time_text(pull.closed_at) if pull.closed_at else None,
        "author_association": "MEMBER" if pull.head_repository_id == hosted.record.id else "NONE",
        "draft": pull.draft,
        "body": None,
        "reactions": _rollup(f"{api}/reactions", []),
        "performed_via_github_app": None,
        "pull_request": {
            "url": f"{urls.repository(full_name)}/pulls/{pull.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": merged_at,
        },
    }


def _association(hosted: HostedRepository, record: CommentRecord) -> str:
    return "MEMBER" if record.author.app_id is None and hosted.may_push(record.author.login) else "NONE"


def _rollup(url: str, reactions: list[ReactionRecord]) -> dict[str, Any]:
    counted = Counter(one.content for one in reactions)
    return {"url": url, "total_count": len(reactions), **{content: counted[content] for content in _CONTENTS}}
