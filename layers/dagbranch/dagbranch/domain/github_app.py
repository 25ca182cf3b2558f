"""dagbranch's GitHub App: what it may do, what it hears of, and the manifest by which GitHub makes one.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlsplit

PERMISSIONS: Final = MappingProxyType(
    {
        "checks": "write",
        "contents": "read",
        "deployments": "write",
        "issues": "read",  # GitHub sends no comment to an App without it, not on a pull request either
        "merge_queues": "read",  # … and no merge group without this one
        "metadata": "read",
        "pull_requests": "write",
        "statuses": "write",
    }
)
EVENTS: Final = ("deployment", "deployment_status", "issue_comment", "merge_group", "pull_request", "push")
_PUBLIC: Final = "https://github.com"


@dataclass(frozen=True)
class Made:
    """What GitHub tells once of a new App: the private key and the webhook's secret are shown to nobody again."""

    app_id: int
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    page: str

    @property
    def installation_page(self) -> str:
        return f"{self.page}/installations/new"


def manifest(name: str, github_url: str, webhook_url: str, redirect_url: str) -> dict[str, object]:
    """``redirect_url``: where GitHub sends the browser with the code that the App is fetched by."""
    return {
        "name": name,
        "url": github_url,
        "description": "Every pull request gets its own Airflow pipeline and its own data.",
        "hook_attributes": {"url": webhook_url, "active": True},
        "redirect_url": redirect_url,
        "public": False,
        "default_permissions": dict(PERMISSIONS),
        "default_events": list(EVENTS),
    }


def page_to_make_it(github_url: str, organization: str | None, state: str) -> str:
    """Where the manifest is posted to: an organization's settings, or one's own."""
    owner = f"/organizations/{quote(organization, safe='')}" if organization else ""
    return f"{github_url}{owner}/settings/apps/new?state={quote(state, safe='')}"


def api_of(github_url: str) -> str:
    """The API of github.com, of a company's own ``….ghe.com``, or of an Enterprise Server."""
    if github_url == _PUBLIC:
        return "https://api.github.com"
    parts = urlsplit(github_url)
    if parts.netloc.endswith(".ghe.com"):
        return f"{parts.scheme}://api.{parts.netloc}"
    return f"{github_url}/api/v3"
