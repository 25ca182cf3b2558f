"""Commits, branches and changed files as the REST API shows them."""

from __future__ import annotations

from typing import Any

from local.github.git_objects import CommitObject, FileChange, Signature
from local.github.payloads.accounts import node_id
from local.github.payloads.urls import Urls

_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def git_commit(urls: Urls, full_name: str, commit: CommitObject) -> dict[str, Any]:
    """What ``GET …/git/commits/{sha}`` answers."""
    page = urls.page(full_name)
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "url": _git_url(urls, full_name, "commits", commit.sha),
        "html_url": f"{page}/commit/{commit.sha}",
        "author": _signature(commit.author),
        "committer": _signature(commit.committer),
        "tree": {"sha": commit.tree, "url": _git_url(urls, full_name, "trees", commit.tree)},
        "message": commit.message,
        "parents": [
            {
                "sha": parent,
                "url": _git_url(urls, full_name, "commits", parent),
                "html_url": f"{page}/commit/{parent}",
            }
            for parent in commit.parents
        ],
        "verification": _UNSIGNED,
    }


def listed_commit(urls: Urls, full_name: str, commit: CommitObject) -> dict[str, Any]:
    """The commit as a branch shows it; its author is nobody whom GitHub knows."""
    api, page = urls.repository(full_name), urls.page(full_name)
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "commit": {
            "author": _signature(commit.author),
            "committer": _signature(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": _git_url(urls, full_name, "trees", commit.tree)},
            "url": _git_url(urls, full_name, "commits", commit.sha),
            "comment_count": 0,
            "verification": _UNSIGNED,
        },
        "url": f"{api}/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "comments_url": f"{api}/commits/{commit.sha}/comments",
        "author": None,
        "committer": None,
        "parents": [
            {"sha": parent, "url": f"{api}/commits/{parent}", "html_url": f"{page}/commit/{parent}"}
            for parent in commit.parents
        ],
    }


def shown_commit(urls: Urls, full_name: str, commit: CommitObject, changes: list[FileChange]) -> dict[str, Any]:
    """What ``GET …/commits/{ref}`` answers."""
    additions, deletions = sum(one.additions for one in changes), sum(one.deletions for one in changes)
    return listed_commit(urls, full_name, commit) | {
        "stats": {"total": additions + deletions, "additions": additions, "deletions": deletions},
        "files": [changed_file(urls, full_name, commit.sha, change) for change in changes],
    }


def comparison(
    urls: Urls,
    full_name: str,
    ends: list[CommitObject],
    listed: list[CommitObject],
    changes: list[FileChange] | None,
    *,
    ahead_by: int,
    behind_by: int,
) -> dict[str, Any]:
    """What ``GET …/compare/{base}...{head}`` answers; ``ends``: base, merge base and head."""
    base, parted, head = ends
    status = ("diverged" if behind_by else "ahead") if ahead_by else ("behind" if behind_by else "identical")
    between = f"{base.sha}...{head.sha}"
    page = f"{urls.page(full_name)}/compare/{between}"
    shown: dict[str, Any] = {
        "url": f"{urls.repository(full_name)}/compare/{between}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": listed_commit(urls, full_name, base),
        "merge_base_commit": listed_commit(urls, full_name, parted),
        "status": status,
        "ahead_by": ahead_by,
        "behind_by": behind_by,
        "total_commits": ahead_by,
        "commits": [listed_commit(urls, full_name, commit) for commit in listed],
    }
    if changes is None:
        return shown
    return shown | {"files": [changed_file(urls, full_name, head.sha, change) for change in changes]}


def branch(urls: Urls, full_name: str, name: str, commit: CommitObject) -> dict[str, Any]:
    """What ``GET …/branches/{branch}`` answers for a branch that nothing protects."""
    api = f"{urls.repository(full_name)}/branches/{name}"
    unprotected = {
        "enabled": False,
        "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
    }
    return {
        "name": name,
        "commit": listed_commit(urls, full_name, commit),
        "_links": {"self": api, "html": f"{urls.page(full_name)}/tree/{name}"},
        "protected": False,
        "protection": unprotected,
        "protection_url": f"{api}/protection",
    }


def changed_file(urls: Urls, full_name: str, commit: str, change: FileChange) -> dict[str, Any]:
    """A changed file, without its patch."""
    shown: dict[str, Any] = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": urls.blob_page(full_name, change.path, commit),
        "raw_url": urls.blob_page(full_name, change.path, commit).replace("/blob/", "/raw/", 1),
        "contents_url": urls.contents(full_name, change.path, commit),
    }
    return shown | ({"previous_filename": change.previous_path} if change.previous_path else {})


def _signature(signature: Signature) -> dict[str, str]:
    return {"name": signature.name, "email": signature.email, "date": signature.date}


def _git_url(urls: Urls, full_name: str, kind: str, sha: str) -> str:
    return f"{urls.repository(full_name)}/git/{kind}/{sha}"
