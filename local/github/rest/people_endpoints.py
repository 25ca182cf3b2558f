"""What a person may do in a repository."""

from __future__ import annotations

from typing import Any

from local.github.payloads.accounts import user
from local.github.rest.messages import Answer, ApiError, json_answer
from local.github.rest.site import Call

_LEGACY = {"admin": "admin", "maintain": "write", "write": "write", "triage": "read", "read": "read", "none": "none"}
_RANK = ("read", "triage", "write", "maintain", "admin")
_RIGHTS = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}


def show_permission(call: Call) -> Answer:
    """The four words that there were before roles, and the role."""
    login = call.parts["login"]
    if call.actor.app_id is None and not call.hosted.may_push(call.actor.login):
        raise ApiError(403, "Must have push access to view collaborator permission.")
    if not call.site.state.knows(login):
        raise ApiError(404, f"{login} is not a user")
    role = call.hosted.role_of(login)
    shown = user(call.urls, login) | {"permissions": rights(role), "role_name": role}
    return json_answer({"permission": _LEGACY[role], "role_name": role, "user": shown})


def rights(role: str) -> dict[str, Any]:
    rank = _RANK.index(role) if role in _RANK else -1
    return {right: rank >= _RANK.index(least) for right, least in _RIGHTS.items()}
