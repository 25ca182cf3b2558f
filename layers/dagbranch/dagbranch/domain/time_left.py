"""How long a worker still has, so that it stops by itself before it is killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dagbranch.errors import NotYetError

_GO_ON_SECONDS = 1


@dataclass(frozen=True)
class TimeLeft:
    until: datetime
    clock: Callable[[], datetime]

    @classmethod
    def of(cls, seconds: float, clock: Callable[[], datetime]) -> TimeLeft:
        return cls(clock() + timedelta(seconds=seconds), clock)

    def check(self, needed: timedelta) -> None:
        """Raises NotYetError, so that the next message goes on, where there is not that much left."""
        if self.clock() + needed > self.until:
            raise NotYetError("the time is up: the next message goes on with it", retry_seconds=_GO_ON_SECONDS)
