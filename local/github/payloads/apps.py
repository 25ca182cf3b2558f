"""GitHub Apps and their installations as the REST API shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local.github.apps import AppRecord, InstallationRecord, TokenRecord
from local.github.feedback import Actor
from local.github.payloads.accounts import account_id, node_id, user
from local.github.payloads.repositories import repository
from local.github.payloads.urls import Urls, time_text
from local.github.state import HostedRepository, State


def account(urls: Urls, actor: Actor) -> dict[str, Any]:
    return user(urls, actor.login, actor.kind)


def performed_via(urls: Urls, state: State, actor: Actor) -> dict[str, Any] | None:
    """The App by which it was done, as comments and deployments name it."""
    return None if actor.performed_by is None else integration(urls, state.apps.registered[actor.performed_by])


def integration(urls: Urls, app: AppRecord) -> dict[str, Any]:
    return {
        "id": app.id,
        "client_id": app.client_id,
        "slug": app.slug,
        "node_id": node_id("App", app.id),
        "owner": user(urls, app.owner, "Organization"),
        "name": app.slug,
        "description": None,
        "external_url": f"{urls.html}/{app.owner}",
        "html_url": f"{urls.html}/apps/{app.slug}",
        "created_at": time_text(app.created_at),
        "updated_at": time_text(app.created_at),
        "permissions": dict(app.permissions),
        "events": list(app.events),
    }


def installation(urls: Urls, app: AppRecord, record: InstallationRecord) -> dict[str, Any]:
    api = f"{urls.api}/app/installations/{record.id}"
    return {
        "id": record.id,
        "client_id": app.client_id,
        "account": user(urls, record.account, "Organization"),
        "repository_selection": _selection(record.repository_ids),
        "access_tokens_url": f"{api}/access_tokens",
        "repositories_url": f"{urls.api}/installation/repositories",
        "html_url": f"{urls.html}/organizations/{record.account}/settings/installations/{record.id}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": account_id(record.account),
        "target_type": "Organization",
        "permissions": dict(record.permissions),
        "events": list(app.events),
        "created_at": time_text(record.created_at),
        "updated_at": time_text(record.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": time_text(record.suspended_at) if record.suspended_at else None,
    }


def installation_token(urls: Urls, token: TokenRecord, repositories: list[HostedRepository] | None) -> dict[str, Any]:
    """The token's text is told here and nowhere else; repositories are shown where some were chosen."""
    shown = {
        "token": token.text,
        "expires_at": time_text(datetime.fromtimestamp(token.expires_at, UTC)),
        "permissions": {"metadata": "read", **token.permissions},
        "repository_selection": _selection(token.repository_ids),
    }
    if repositories is None:
        return shown
    return shown | {"repositories": [repository(urls, hosted) for hosted in repositories]}


def _selection(repository_ids: frozenset[int] | None) -> str:
    return "all" if repository_ids is None else "selected"
