"""The audit in memory: what is there stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dagbranch.domain.audit import AuditEntry


class InMemoryAudit:
    def __init__(self) -> None:
        self.told: list[AuditEntry] = []

    def append(self, entry: AuditEntry) -> None:
        if entry not in self.told:
            self.told.append(entry)

    def entries(self, lane: str, since: datetime) -> Iterator[AuditEntry]:
        found = [one for one in self.told if one.lane == lane and one.at >= since]
        return iter(sorted(found, key=lambda one: one.at, reverse=True))
