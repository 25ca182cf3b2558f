"""Repositories as the REST API and the webhooks show them."""

from __future__ import annotations

from typing import Any

from local.github.payloads.accounts import node_id, user
from local.github.payloads.urls import Urls, time_text
from local.github.state import HostedRepository

_ENDPOINTS = {
    "archive": "/{archive_format}{/ref}",
    "assignees": "/assignees{/user}",
    "blobs": "/git/blobs{/sha}",
    "branches": "/branches{/branch}",
    "collaborators": "/collaborators{/collaborator}",
    "comments": "/comments{/number}",
    "commits": "/commits{/sha}",
    "compare": "/compare/{base}...{head}",
    "contents": "/contents/{+path}",
    "contributors": "/contributors",
    "deployments": "/deployments",
    "downloads": "/downloads",
    "events": "/events",
    "forks": "/forks",
    "git_commits": "/git/commits{/sha}",
    "git_refs": "/git/refs{/sha}",
    "git_tags": "/git/tags{/sha}",
    "hooks": "/hooks",
    "issue_comment": "/issues/comments{/number}",
    "issue_events": "/issues/events{/number}",
    "issues": "/issues{/number}",
    "keys": "/keys{/key_id}",
    "labels": "/labels{/name}",
    "languages": "/languages",
    "merges": "/merges",
    "milestones": "/milestones{/number}",
    "notifications": "/notifications{?since,all,participating}",
    "pulls": "/pulls{/number}",
    "releases": "/releases{/id}",
    "stargazers": "/stargazers",
    "statuses": "/statuses/{sha}",
    "subscribers": "/subscribers",
    "subscription": "/subscription",
    "tags": "/tags",
    "teams": "/teams",
    "trees": "/git/trees{/sha}",
}
_FEATURES = {
    "has_issues": True,
    "has_projects": True,
    "has_downloads": True,
    "has_wiki": True,
    "has_pages": False,
    "has_discussions": False,
    "archived": False,
    "disabled": False,
    "allow_forking": True,
    "is_template": False,
    "web_commit_signoff_required": False,
}
_COUNTS = {"size": 0, "stargazers_count": 0, "watchers_count": 0, "watchers": 0}
_MERGING = {
    "allow_squash_merge": True,
    "allow_merge_commit": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "delete_branch_on_merge": False,
    "allow_update_branch": False,
    "use_squash_pr_title_as_default": False,
    "squash_merge_commit_message": "COMMIT_MESSAGES",
    "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
    "merge_commit_message": "PR_TITLE",
    "merge_commit_title": "MERGE_MESSAGE",
}
_PERMISSIONS = {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True}


def repository(urls: Urls, hosted: HostedRepository, *, forks: int = 0) -> dict[str, Any]:
    """The repository as it is inside of pull requests and webhooks."""
    record = hosted.record
    api, page = urls.repository(record.full_name), urls.page(record.full_name)
    host = urls.html.split("://", 1)[1]
    return {
        "id": record.id,
        "node_id": node_id("Repository", record.id),
        "name": record.name,
        "full_name": record.full_name,
        "private": True,
        "visibility": "private",
        "owner": user(urls, record.owner, "User" if record.parent_id else "Organization"),
        "description": None,
        "fork": record.parent_id is not None,
        "html_url": page,
        "url": api,
        **{f"{name}_url": api + path for name, path in _ENDPOINTS.items()},
        "git_url": f"git://{host}/{record.full_name}.git",
        "ssh_url": f"git@{host}:{record.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "topics": [],
        "created_at": time_text(record.created_at),
        "updated_at": time_text(record.pushed_at),
        "pushed_at": time_text(record.pushed_at),
        "default_branch": record.default_branch,
        **_FEATURES,
        **_COUNTS,
        "forks_count": forks,
        "forks": forks,
        "open_issues_count": hosted.open_pulls(),
        "open_issues": hosted.open_pulls(),
    }


def full_repository(
    urls: Urls, hosted: HostedRepository, *, forks: int, parent: HostedRepository | None
) -> dict[str, Any]:
    """What ``GET /repos/{owner}/{repo}`` answers; the parent is shown where the token may see it."""
    shown = repository(urls, hosted, forks=forks) | _MERGING
    shown |= {"permissions": _PERMISSIONS, "temp_clone_token": "", "custom_properties": {}}
    shown |= {"network_count": forks, "subscribers_count": 0}
    if hosted.record.parent_id is None:
        shown["organization"] = shown["owner"]
    elif parent is not None:
        shown["parent"] = shown["source"] = repository(urls, parent)
    return shown
