"""The body of the ``push`` webhook, which shows its repository in a form of its own."""

from __future__ import annotations

from typing import Any

from local.github.feedback import Actor
from local.github.git_objects import EMPTY_TREE, CommitObject, list_commits, read_changes, read_commit
from local.github.payloads.events import surroundings
from local.github.payloads.urls import Urls
from local.github.state import HostedRepository, State

NO_COMMIT = "0" * 40  # before a branch was there, and after it is gone
_MOST_COMMITS = 2048  # docs.github.com, "Webhook events and payloads": of one push
_LISTED = {"added": "added", "removed": "removed", "modified": "modified", "changed": "modified"}


def push_event(
    urls: Urls, state: State, hosted: HostedRepository, branch: str, before: str, after: str, pusher: str
) -> dict[str, Any]:
    """``before`` and ``after`` are NO_COMMIT where the branch was made or deleted."""
    page, git = urls.page(hosted.record.full_name), hosted.git
    is_new, is_gone = before == NO_COMMIT, after == NO_COMMIT
    start = git.find_branch(hosted.record.default_branch) if is_new else before
    pushed = [] if is_gone or start is None else list_commits(git, start, after)[-_MOST_COMMITS:]
    shown = [_commit(urls, hosted, read_commit(git, sha)) for sha in pushed]
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "base_ref": None,
        "created": is_new,
        "deleted": is_gone,
        "forced": not (is_new or is_gone or git.is_ancestor(before, after)),
        "compare": f"{page}/compare/{before[:12]}...{after[:12]}",
        "commits": shown,
        "head_commit": None if is_gone else _commit(urls, hosted, read_commit(git, after)),
        "pusher": {"name": pusher, "email": f"{pusher}@example.org"},
        **_surroundings(urls, state, hosted, pusher),
    }


def _surroundings(urls: Urls, state: State, hosted: HostedRepository, pusher: str) -> dict[str, Any]:
    """Times are seconds here, and the owner has a name."""
    around, record = surroundings(urls, state, hosted, Actor(pusher)), hosted.record
    around["repository"] |= {
        "created_at": int(record.created_at.timestamp()),
        "pushed_at": int(record.pushed_at.timestamp()),
        "owner": around["repository"]["owner"] | {"name": record.owner, "email": None},
        "organization": record.owner,
        "master_branch": record.default_branch,
        "stargazers": 0,
    }
    return around


def _commit(urls: Urls, hosted: HostedRepository, commit: CommitObject) -> dict[str, Any]:
    changes = read_changes(hosted.git, commit.parents[0] if commit.parents else EMPTY_TREE, commit.sha)
    paths = [(_LISTED[one.status], one.path) for one in changes if one.status in _LISTED]
    for one in changes:
        if one.status in {"renamed", "copied"}:
            paths.append(("added", one.path))
        if one.status == "renamed" and one.previous_path:
            paths.append(("removed", one.previous_path))
    people = {"author": commit.author, "committer": commit.committer}
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.committer.date,
        "url": f"{urls.page(hosted.record.full_name)}/commit/{commit.sha}",
        **{role: {"name": one.name, "email": one.email} for role, one in people.items()},
        **{kind: [path for found, path in paths if found == kind] for kind in ("added", "removed", "modified")},
    }
