"""GitHub's primary rate limit: so many requests an hour, told in every answer."""

from __future__ import annotations

import threading
import time
from typing import Any

from local.github.rest.messages import ApiError

_WINDOW_SECONDS = 3600


class RateLimit:
    """The hour's budget of the one token; ``limit`` can be set at any time, which begins a new hour."""

    def __init__(self, limit: int = 5000) -> None:
        self._lock = threading.Lock()
        self.set(limit)

    def set(self, limit: int, window_seconds: float = _WINDOW_SECONDS) -> None:
        self._limit, self._used = limit, 0
        self._window_seconds = window_seconds
        self._resets_at = time.time() + window_seconds

    def take(self) -> None:
        """Counts a request; raises ApiError 403 when the budget is spent."""
        with self._lock:
            if time.time() >= self._resets_at:
                self._used, self._resets_at = 0, time.time() + self._window_seconds
            if self._used >= self._limit:
                raise ApiError(403, "API rate limit exceeded for user ID 1.")
            self._used += 1

    def headers(self) -> dict[str, str]:
        core = self._core()
        names = {name: f"X-RateLimit-{name.capitalize()}" for name in core}
        return {**{names[name]: str(value) for name, value in core.items()}, "X-RateLimit-Resource": "core"}

    def overview(self) -> dict[str, Any]:
        """What ``GET /rate_limit`` answers."""
        untouched = {"limit": 30, "used": 0, "remaining": 30, "reset": int(time.time()) + 60}
        core = self._core()
        return {"resources": {"core": core, "search": untouched, "graphql": core}, "rate": core}

    def _core(self) -> dict[str, int]:
        return {
            "limit": self._limit,
            "used": self._used,
            "remaining": self._limit - self._used,
            "reset": int(self._resets_at),
        }
