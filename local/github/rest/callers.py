"""Who asks: the person whose token it is, an installation of an App, or the App itself; and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from local.github.apps import AppRecord, allows
from local.github.feedback import Actor
from local.github.rest.app_tokens import app_of, is_signed
from local.github.rest.messages import ApiError, Request, not_found
from local.github.state import HostedRepository, State

NOT_FOR_THIS_APP = "Resource not accessible by integration"


@dataclass(frozen=True)
class Need:
    """What a route asks of an installation's token: one of these permissions, at this level."""

    permissions: tuple[str, ...]
    level: str = "read"

    @property
    def header(self) -> dict[str, str]:
        told = "; ".join(f"{name}={self.level}" for name in self.permissions)
        return {"X-Accepted-GitHub-Permissions": told}


@dataclass(frozen=True)
class Person:
    """The owner of a personal token."""

    actor: Actor

    def sees(self, hosted: HostedRepository) -> bool:
        return hosted.record.granted

    def check(self, need: Need, hosted: HostedRepository) -> None:
        """People read what they see and comment there; all other writing asks for the right to push."""
        if need.level == "read" or "issues" in need.permissions:
            return
        if not hosted.may_push(self.actor.login):
            raise not_found()


@dataclass(frozen=True)
class Installation:
    """What one token of an installation opens."""

    actor: Actor
    permissions: Mapping[str, str]
    account: str
    repository_ids: frozenset[int] | None

    def sees(self, hosted: HostedRepository) -> bool:
        is_theirs = hosted.record.owner.casefold() == self.account.casefold()
        return is_theirs and (self.repository_ids is None or hosted.record.id in self.repository_ids)

    def check(self, need: Need, hosted: HostedRepository) -> None:
        if not any(allows(self.permissions, name, need.level) for name in need.permissions):
            raise ApiError(403, NOT_FOR_THIS_APP, headers=need.header)


type Caller = Person | Installation | AppRecord


def caller_of(request: Request, state: State, person: str, token: str) -> Caller | None:
    """None where the request carries no token; raises ApiError 401 for one that opens nothing."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if not kind:
        return None
    if kind.lower() not in {"bearer", "token"}:
        raise ApiError(401, "Bad credentials")
    if text == token:
        return Person(Actor(person))
    if is_signed(text):
        return app_of(text, state.apps)
    return _installation(text, state)


def _installation(text: str, state: State) -> Installation:
    found = state.apps.find_token(text)
    if found is None:
        raise ApiError(401, "Bad credentials")
    installation = state.apps.installations[found.installation_id]
    app = state.apps.registered[installation.app_id]
    chosen = found.repository_ids if found.repository_ids is not None else installation.repository_ids
    return Installation(Actor(f"{app.slug}[bot]", app.id), found.permissions, installation.account, chosen)
