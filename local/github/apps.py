"""GitHub Apps: their installations in accounts, and the tokens that an installation hands out for a while."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.github.feedback import Actor

TOKEN_LIFETIME_SECONDS = 3600.0  # docs.github.com, "Generating an installation access token": they expire in one hour
# docs.github.com, "Webhook events and payloads": what an App has to be allowed to read to hear of them
_FOR_EVENTS = {
    "deployment": "deployments",
    "deployment_status": "deployments",
    "issue_comment": "issues",
    "merge_group": "merge_queues",
    "pull_request": "pull_requests",
    "push": "contents",
}
GITHUB_ACTIONS_ID = 15_368  # GitHub's own App, by which workflows do what they do
_LEVELS = {"read": 1, "write": 2, "admin": 3}

type Permissions = Mapping[str, str]


@dataclass(frozen=True)
class AppRecord:
    """``public_keys`` (PEM) are GitHub's halves of those with which the App signs; it may have several."""

    id: int
    slug: str
    owner: str
    public_keys: tuple[str, ...]
    permissions: Permissions
    events: tuple[str, ...]
    created_at: datetime

    @property
    def client_id(self) -> str:
        """Another name of it, which may stand in the tokens that it signs."""
        return f"Iv23li{self.id:014d}"


@dataclass(frozen=True)
class InstallationRecord:
    """``repository_ids``: those that the account's owner chose; None is all of them."""

    id: int
    app_id: int
    account: str
    permissions: Permissions
    created_at: datetime
    repository_ids: frozenset[int] | None = None
    suspended_at: datetime | None = None


@dataclass(frozen=True)
class TokenRecord:
    """Opens these repositories, None is all of the installation's, until ``expires_at`` (seconds since 1970)."""

    text: str = field(repr=False)
    installation_id: int
    permissions: Permissions
    repository_ids: frozenset[int] | None
    expires_at: float


_GITHUB_ACTIONS = AppRecord(
    id=GITHUB_ACTIONS_ID,
    slug="github-actions",
    owner="github",
    public_keys=(),
    permissions={"checks": "write", "contents": "write", "deployments": "write", "metadata": "read"},
    events=("check_run", "push", "workflow_dispatch"),
    created_at=datetime(2018, 7, 30, tzinfo=UTC),
)


def allows(permissions: Permissions, name: str, level: str) -> bool:
    """``metadata`` may be read by every App."""
    held = "read" if name == "metadata" else permissions.get(name, "")
    return _LEVELS.get(held, 0) >= _LEVELS[level]


class Apps:
    """``token_lifetime_seconds`` holds for the tokens issued next; ``issued`` are all of them, spent ones too.

    GitHub Actions is registered, and signs nothing here.
    """

    def __init__(self) -> None:
        self.registered: dict[int, AppRecord] = {GITHUB_ACTIONS_ID: _GITHUB_ACTIONS}
        self.installations: dict[int, InstallationRecord] = {}
        self.issued: list[TokenRecord] = []
        self.token_lifetime_seconds = TOKEN_LIFETIME_SECONDS
        self._lock = threading.Lock()

    def issue(
        self, installation: InstallationRecord, permissions: Permissions, repository_ids: frozenset[int] | None
    ) -> TokenRecord:
        expires_at = time.time() + self.token_lifetime_seconds
        token = TokenRecord(f"ghs_{secrets.token_hex(18)}", installation.id, permissions, repository_ids, expires_at)
        with self._lock:
            self.issued.append(token)
        return token

    def find_token(self, text: str) -> TokenRecord | None:
        """The token, if it still opens anything."""
        with self._lock:
            found = next((one for one in self.issued if one.text == text), None)
        if found is None or found.expires_at <= time.time():
            return None
        installation = self.installations.get(found.installation_id)
        return found if installation and installation.suspended_at is None else None

    def hears(self, event: str, installation_id: int) -> bool:
        """Whether the installation's App asked to hear of such events and was granted what they show."""
        installation = self.installations.get(installation_id)
        if installation is None:
            return True  # of an event recorded elsewhere
        is_wanted = event in {"ping", *self.registered[installation.app_id].events}
        return is_wanted and allows(installation.permissions, _FOR_EVENTS.get(event, "metadata"), "read")

    def actor(self, login: str) -> Actor:
        """The person of that login; one that ends in ``[bot]`` is an App's."""
        slug = login.removesuffix("[bot]")
        found = (one.id for one in self.registered.values() if slug != login and one.slug == slug)
        return Actor(login, next(found, None))

    def installation_on(self, owner: str, repository_id: int, app_id: int | None = None) -> InstallationRecord | None:
        """The installation, of this App or of any, that has the repository."""
        for one in list(self.installations.values()):
            is_meant = app_id in {None, one.app_id} and one.account.casefold() == owner.casefold()
            if is_meant and (one.repository_ids is None or repository_id in one.repository_ids):
                return one
        return None
