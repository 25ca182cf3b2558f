"""Pull requests as the REST API lists and shows them and as webhooks carry them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from local.github.git_objects import count_commits, read_changes
from local.github.payloads.accounts import node_id, user
from local.github.payloads.repositories import repository
from local.github.payloads.urls import Urls, time_text
from local.github.state import HostedRepository, PullRecord, State


@dataclass(frozen=True)
class PullSize:
    commits: int
    additions: int
    deletions: int
    changed_files: int


def pull_size(hosted: HostedRepository, pull: PullRecord) -> PullSize:
    """What the head adds to the base since they parted."""
    parted = hosted.git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    changes = read_changes(hosted.git, parted, pull.head_sha)
    return PullSize(
        commits=count_commits(hosted.git, parted, pull.head_sha),
        additions=sum(change.additions for change in changes),
        deletions=sum(change.deletions for change in changes),
        changed_files=len(changes),
    )


def listed_pull(urls: Urls, state: State, hosted: HostedRepository, pull: PullRecord) -> dict[str, Any]:
    """The pull request in a list, without what GitHub would have to count."""
    return {
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        **_addresses(urls, hosted, pull),
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "active_lock_reason": None,
        "title": pull.title,
        "user": user(urls, pull.author),
        "body": None,
        "created_at": time_text(pull.created_at),
        "updated_at": time_text(pull.updated_at),
        "closed_at": time_text(pull.closed_at) if pull.closed_at else None,
        "merged_at": time_text(pull.merged_at) if pull.merged_at else None,
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": [label(urls, hosted, one) for one in pull.labels],
        "milestone": None,
        "draft": pull.draft,
        "head": _head(urls, state, pull),
        "base": _base(urls, hosted, pull),
        "author_association": "MEMBER" if pull.head_repository_id == hosted.record.id else "NONE",
        "auto_merge": None,
    }


def webhook_pull(urls: Urls, state: State, hosted: HostedRepository, pull: PullRecord) -> dict[str, Any]:
    """The pull request in a webhook: whether it can be merged is not known yet."""
    size = pull_size(hosted, pull)
    return listed_pull(urls, state, hosted, pull) | {
        "merged": pull.merged_at is not None,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": user(urls, pull.author) if pull.merged_at else None,
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": size.commits,
        "additions": size.additions,
        "deletions": size.deletions,
        "changed_files": size.changed_files,
    }


def shown_pull(urls: Urls, state: State, hosted: HostedRepository, pull: PullRecord) -> dict[str, Any]:
    """What ``GET …/pulls/{number}`` answers."""
    shown = webhook_pull(urls, state, hosted, pull)
    if pull.state == "open":
        clean = hosted.git.merges_cleanly(pull.base_sha, pull.head_sha)
        state_word = "draft" if pull.draft else "clean" if clean else "dirty"
        shown |= {"mergeable": clean, "rebaseable": clean, "mergeable_state": state_word}
    return shown


def label(urls: Urls, hosted: HostedRepository, name: str) -> dict[str, Any]:
    number = zlib.crc32(f"{hosted.record.id}:{name}".encode())
    return {
        "id": number,
        "node_id": node_id("Label", number),
        "url": f"{urls.repository(hosted.record.full_name)}/labels/{quote(name)}",
        "name": name,
        "color": "ededed",
        "default": False,
        "description": None,
        "archived_at": None,
        "archived_by": None,
    }


def _addresses(urls: Urls, hosted: HostedRepository, pull: PullRecord) -> dict[str, Any]:
    repository_api = urls.repository(hosted.record.full_name)
    page = f"{urls.page(hosted.record.full_name)}/pull/{pull.number}"
    api, issue = f"{repository_api}/pulls/{pull.number}", f"{repository_api}/issues/{pull.number}"
    linked = {
        "comments": f"{issue}/comments",
        "review_comments": f"{api}/comments",
        "review_comment": f"{repository_api}/pulls/comments{{/number}}",
        "commits": f"{api}/commits",
        "statuses": f"{repository_api}/statuses/{pull.head_sha}",
    }
    links = {"self": api, "html": page, "issue": issue, **linked}
    return {
        "url": api,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        **{f"{name}_url": address for name, address in linked.items()},
        "_links": {name: {"href": address} for name, address in links.items()},
    }


def _head(urls: Urls, state: State, pull: PullRecord) -> dict[str, Any]:
    """``repo`` is null when the fork that the pull request came from is gone."""
    source = state.repositories.get(pull.head_repository_id)
    owner_kind = "Organization" if pull.head_repository_id == pull.base_repository_id else "User"
    return {
        "label": f"{pull.head_owner}:{pull.head_ref}",
        "ref": pull.head_ref,
        "sha": pull.head_sha,
        "user": user(urls, pull.head_owner, owner_kind),
        "repo": repository(urls, source) if source else None,
    }


def _base(urls: Urls, hosted: HostedRepository, pull: PullRecord) -> dict[str, Any]:
    return {
        "label": f"{hosted.record.owner}:{pull.base_ref}",
        "ref": pull.base_ref,
        "sha": pull.base_sha,
        "user": user(urls, hosted.record.owner, "Organization"),
        "repo": repository(urls, hosted),
    }
