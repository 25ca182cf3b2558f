"""Leases in memory, over the tests' own clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from dagbranch.errors import NotYetError


class InMemoryLeases:
    """``held_until``: by name; what a worker that was killed has held is free again after that."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.held_until: dict[str, datetime] = {}
        self._clock = clock

    @contextmanager
    def held(self, name: str, seconds: int) -> Iterator[None]:
        if self.held_until.get(name, self._clock()) > self._clock():
            raise NotYetError(f"another worker is at: {name}", retry_seconds=5)
        self.held_until[name] = self._clock() + timedelta(seconds=seconds)
        yield
        del self.held_until[name]
