"""The short-lived links under which GitHub hands out a private repository's archives."""

from __future__ import annotations

import secrets
import threading
import time

LIFETIME_SECONDS = 300.0  # docs.github.com, "Download a repository archive": they expire after five minutes


class ArchiveLinks:
    """Tokens that open one repository's archives for a while; ``lifetime_seconds`` holds for those issued next."""

    def __init__(self) -> None:
        self.lifetime_seconds = LIFETIME_SECONDS
        self._lock = threading.Lock()
        self._issued: dict[str, tuple[int, float]] = {}

    def issue(self, repository_id: int) -> str:
        token = secrets.token_hex(16).upper()
        with self._lock:
            self._issued[token] = repository_id, time.monotonic() + self.lifetime_seconds
        return token

    def opens(self, token: str, repository_id: int) -> bool:
        with self._lock:
            owner, expires = self._issued.get(token, (0, 0.0))
        return owner == repository_id and time.monotonic() < expires
