"""The ledger of a release lane in memory, as strict about revisions as the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dagbranch.domain.releases import Release
from dagbranch.errors import TransientUpstreamError


class InMemoryReleases:
    def __init__(self) -> None:
        self.items: dict[tuple[int, str], Release] = {}

    def get(self, repository_id: int, head_sha: str) -> Release | None:
        return self.items.get((repository_id, head_sha))

    def of(self, repository_id: int) -> Iterator[Release]:
        return iter([one for (of, _), one in self.items.items() if of == repository_id])

    def save(self, release: Release) -> Release:
        key = release.repository_id, release.head_sha
        standing = self.items.get(key)
        if (standing.revision if standing else 0) != release.revision:
            raise TransientUpstreamError(f"another writer noted {release.head_sha[:7]} meanwhile")
        self.items[key] = replace(release, revision=release.revision + 1)
        return self.items[key]
