"""Leases in memory, over the tests' own clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dagbranch.errors import NotYetError


class InMemoryLeases:
    """``held_until``: by name; what a worker that was killed has held is free again after that."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.held_until: dict[str, datetime] = {}
        self.clock = clock
        self.holders: dict[str, object] = {}
        self.lock = threading.Lock()

    def held(self, name: str, seconds: int) -> AbstractContextManager[None]:
        return _Held(self, name, seconds)


@dataclass
class _Held:
    """No generator: that would free the lease of a killed worker as soon as nobody remembers it."""

    leases: InMemoryLeases
    name: str
    seconds: int
    token: object = field(default_factory=object)

    def __enter__(self) -> None:
        now = self.leases.clock()
        with self.leases.lock:
            if self.leases.held_until.get(self.name, now) > now:
                raise NotYetError(f"another worker is at: {self.name}", retry_seconds=5)
            self.leases.held_until[self.name] = now + timedelta(seconds=self.seconds)
            self.leases.holders[self.name] = self.token

    def __exit__(self, *_: object) -> None:
        with self.leases.lock:
            if self.leases.holders.get(self.name) is self.token:
                del self.leases.holders[self.name], self.leases.held_until[self.name]
