"""Users and organizations: made up from their login, so that a login always has the same id."""

from __future__ import annotations

import base64
import zlib
from typing import Any

from local.github.payloads.urls import Urls

_ENDPOINTS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


def account_id(login: str) -> int:
    return zlib.crc32(login.casefold().encode()) % 100_000_000 + 1


def node_id(kind: str, number: int | str) -> str:
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode()


def user(urls: Urls, login: str, kind: str = "User") -> dict[str, Any]:
    """GitHub's simple user; an organization that owns repositories is shown as one of ``kind`` Organization."""
    api = f"{urls.api}/users/{login}"
    return {
        "login": login,
        "id": account_id(login),
        "node_id": node_id(kind, account_id(login)),
        "avatar_url": f"{urls.html}/avatars/u/{account_id(login)}?v=4",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{urls.html}/{login}",
        **{key: api + path for key, path in _ENDPOINTS.items()},
        "type": kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def token_owner(urls: Urls, login: str) -> dict[str, Any]:
    """What ``GET /user`` answers: GitHub's public user."""
    unsaid = dict.fromkeys(("name", "company", "location", "email", "hireable", "bio", "twitter_username"))
    counted = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    since = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z"}
    return {**user(urls, login), **unsaid, **counted, **since, "blog": ""}


def organization(urls: Urls, login: str) -> dict[str, Any]:
    """The organization as it travels beside the repository in a webhook."""
    api = f"{urls.api}/orgs/{login}"
    return {
        "login": login,
        "id": account_id(login),
        "node_id": node_id("Organization", account_id(login)),
        "url": api,
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events",
        "hooks_url": f"{api}/hooks",
        "issues_url": f"{api}/issues",
        "members_url": f"{api}/members{{/member}}",
        "public_members_url": f"{api}/public_members{{/member}}",
        "avatar_url": f"{urls.html}/avatars/u/{account_id(login)}?v=4",
        "description": None,
    }
