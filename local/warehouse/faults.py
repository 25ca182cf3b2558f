"""Faults that a test asks the warehouse for: a connection that is cut, an answer that is lost, a refusal."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Fault:
    """Happens to the requests that hold ``match``: not to the first ``skip`` of them, then ``times`` times.

    ``cut``: the connection ends before the request is looked at. ``lose``: the same, but the work is begun, and goes
    on. ``busy``: HTTP 503 with Retry-After. ``refuse``: the statement that holds ``match``, or where that is
    ``OpenSession`` the session, fails with ``message``.
    """

    action: Literal["cut", "lose", "busy", "refuse"]
    match: str
    skip: int = 0
    times: int = 1
    message: str = ""


class RefusedError(Exception):
    """What a ``refuse`` tells the client."""


class Faults:
    """The faults that are still to come; requests take them from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[tuple[Fault, list[None]]] = []

    def plan(self, faults: Sequence[Fault]) -> None:
        """These from now on, and none of those before."""
        with self._lock:
            self._seen = [(fault, []) for fault in faults]

    def of_request(self, body: bytes) -> Fault | None:
        return self._take(body.decode(errors="replace"), {"cut", "lose", "busy"})

    def refuse(self, text: str) -> None:
        """Raises RefusedError where this is to be refused."""
        fault = self._take(text, {"refuse"})
        if fault:
            raise RefusedError(fault.message)

    def _take(self, text: str, actions: set[str]) -> Fault | None:
        with self._lock:
            for fault, seen in self._seen:
                if fault.action in actions and fault.match in text:
                    seen.append(None)
                    if fault.skip < len(seen) <= fault.skip + fault.times:
                        return fault
        return None
