"""The bodies of webhooks."""

from __future__ import annotations

from typing import Any

from local.github.payloads.accounts import organization, user
from local.github.payloads.pulls import webhook_pull
from local.github.payloads.repositories import repository
from local.github.payloads.urls import Urls, time_text
from local.github.state import HostedRepository, PullRecord, State


def pull_request_event(
    urls: Urls, state: State, hosted: HostedRepository, pull: PullRecord, action: str, **details: Any
) -> dict[str, Any]:
    """``details`` is what the action has of its own: ``before`` and ``after`` of ``synchronize``, a ``label``."""
    return {
        "action": action,
        "number": pull.number,
        "pull_request": webhook_pull(urls, state, hosted, pull),
        **details,
        **surroundings(urls, hosted, sender=pull.author),
    }


def ping_event(urls: Urls, hosted: HostedRepository, *, hook_id: int, hook_url: str) -> dict[str, Any]:
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
    around = surroundings(urls, hosted, sender=hosted.record.owner)
    return {"zen": "Keep it logically awesome.", "hook_id": hook_id, "hook": hook, **around}


def surroundings(urls: Urls, hosted: HostedRepository, *, sender: str) -> dict[str, Any]:
    """What every event carries besides its subject."""
    shown = {"repository": repository(urls, hosted), "sender": user(urls, sender)}
    if hosted.record.parent_id is None:
        shown["organization"] = organization(urls, hosted.record.owner)
    return shown
