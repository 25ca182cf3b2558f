"""What every endpoint has at hand: the double's state, addresses and limits, and the request it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from local.github.payloads.urls import Urls
from local.github.rest.archive_links import ArchiveLinks
from local.github.rest.messages import Request, not_found
from local.github.rest.rate_limit import RateLimit
from local.github.state import HostedRepository, State

TREE_ENTRY_LIMIT = 100_000  # docs.github.com, "Get a tree"
BLOB_LIMIT_BYTES = 100 * 1024 * 1024  # docs.github.com, "Get a blob"


@dataclass
class Site:
    """``outage_status`` makes every request fail with that status, as when GitHub is down."""

    urls: Urls
    state: State
    token: str
    tree_entry_limit: int = TREE_ENTRY_LIMIT
    blob_limit_bytes: int = BLOB_LIMIT_BYTES
    rate_limit: RateLimit = field(default_factory=RateLimit)
    archive_links: ArchiveLinks = field(default_factory=ArchiveLinks)
    outage_status: int | None = None


@dataclass(frozen=True)
class Call:
    """One request to an endpoint of a repository; ``parts`` are what the path names."""

    site: Site
    request: Request
    hosted: HostedRepository
    parts: Mapping[str, str]

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

    def commit_of(self, ref: str) -> str:
        """The commit that a branch, tag or sha stands for; raises 404."""
        sha = self.hosted.git.resolve(ref)
        if sha is None:
            raise not_found()
        return sha
