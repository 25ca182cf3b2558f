"""What stands at GitHub, as the registry's table knows it, in memory."""

from __future__ import annotations

from dataclasses import replace

from dagbranch.domain.reports import Reported
from dagbranch.errors import TransientUpstreamError


class InMemoryReports:
    def __init__(self) -> None:
        self.items: dict[tuple[int, int], Reported] = {}

    def get(self, repository_id: int, pull_number: int) -> Reported:
        return self.items.get((repository_id, pull_number), Reported(repository_id, pull_number))

    def save(self, reported: Reported) -> Reported:
        key = reported.repository_id, reported.pull_number
        if self.get(*key).revision != reported.revision:
            raise TransientUpstreamError(f"another writer told about pull request {reported.pull_number} meanwhile")
        self.items[key] = replace(reported, revision=reported.revision + 1)
        return self.items[key]
