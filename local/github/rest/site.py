"""What every endpoint has at hand: the double's state, addresses and limits, and the request it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.github.feedback import Actor
from local.github.payloads.urls import Urls
from local.github.rest.archive_links import ArchiveLinks
from local.github.rest.exchanges import Exchange
from local.github.rest.messages import ApiError, Request, not_found
from local.github.rest.rate_limit import RateLimit
from local.github.state import HostedRepository, PullRecord, State

TREE_ENTRY_LIMIT = 100_000  # docs.github.com, "Get a tree"
TOKEN_OWNER = "release-robot"
BLOB_LIMIT_BYTES = 100 * 1024 * 1024  # docs.github.com, "Get a blob"


@dataclass
class Site:
    """``outage_status`` makes every request fail with that status, as when GitHub is down.

    ``token`` is the personal one of ``token_owner``. ``exchanges``, where it is a list, gets every JSON exchange.
    ``tell`` sends the webhook of what a request has caused, soon.
    """

    urls: Urls
    state: State
    token: str
    tree_entry_limit: int = TREE_ENTRY_LIMIT
    blob_limit_bytes: int = BLOB_LIMIT_BYTES
    rate_limit: RateLimit = field(default_factory=RateLimit)
    archive_links: ArchiveLinks = field(default_factory=ArchiveLinks)
    outage_status: int | None = None
    token_owner: str = TOKEN_OWNER
    exchanges: list[Exchange] | None = None
    tell: Callable[[str, Mapping[str, Any]], object] = lambda _event, _payload: None


@dataclass(frozen=True)
class Call:
    """One request to an endpoint of a repository; ``parts`` are what the path names, ``actor`` is who asks."""

    site: Site
    request: Request
    hosted: HostedRepository
    parts: Mapping[str, str]
    actor: Actor

    @property
    def urls(self) -> Urls:
        return self.site.urls

    @property
    def full_name(self) -> str:
        return self.hosted.record.full_name

    def wants_raw(self) -> bool:
        """Whether the caller asked for the file itself, not for JSON about it."""
        accepted = self.request.headers.get("accept", "")
        return "application/vnd.github" in accepted and ".raw" in accepted

    def address(self, path: str) -> str:
        """GitHub's ``Link`` headers name the repository by its id."""
        return f"{self.urls.api}/repositories/{self.hosted.record.id}{path}"

    def pull(self) -> PullRecord:
        """The pull request whose ``number`` is in the path; raises 404."""
        pull = self.hosted.pulls.get(int(self.parts["number"]))
        if pull is None:
            raise not_found()
        return pull

    def known_commit(self, ref: str) -> str:
        """As ``commit_of``, but raises 422, as the endpoints of commits do."""
        sha = self.hosted.git.resolve(ref)
        if sha is None:
            raise ApiError(422, f"No commit found for SHA: {ref}")
        return sha

    def commit_of(self, ref: str) -> str:
        """The commit that a branch, tag or sha stands for; raises 404."""
        sha = self.hosted.git.resolve(ref)
        if sha is None:
            raise not_found()
        return sha
