"""Which invocation a connection belongs to: its process by the kernel's tables, and what that process works on."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import re
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.aws.runtime_api import Answer
from local.aws.sandbox import Function

_PULL: Final = re.compile(r"(?:/pulls/|/pull/|pull_number\W{1,8})(\d+)")
_INODE_FIELD: Final = 9  # of /proc/net/tcp


@dataclass(frozen=True)
class Invocation:
    """``pull_number`` is None for what is about no single pull request, such as a sweep."""

    number: int
    pid: int
    function: str
    request_id: str
    event: Any
    pull_number: int | None


class Callers:
    """Told of every invocation (``local.aws.sandbox.Watch``); asked by the proxies."""

    def __init__(self, after: Callable[[Invocation, Answer], None] = lambda *_: None) -> None:
        self._after = after
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._at_work: dict[int, Invocation] = {}
        self._known: set[int] = set()

    def began(self, pid: int, function: Function, request_id: str, event: bytes) -> None:
        read = json.loads(event)
        invocation = Invocation(
            next(self._numbers), pid, function.logical_id, request_id, read, pull_number_of(read, event)
        )
        with self._lock:
            self._at_work[pid] = invocation
            self._known.add(pid)

    def ended(self, pid: int, answer: Answer) -> None:
        with self._lock:
            invocation = self._at_work.pop(pid)
        self._after(invocation, answer)

    def end_idle(self) -> None:
        """Takes the processes away that work at nothing, as Lambda does: who comes next starts cold."""
        with self._lock:
            idle, self._known = self._known - self._at_work.keys(), set()
            for pid in filter(_is_sandbox, idle):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def of(self, pid: int | None) -> Invocation | None:
        with self._lock:
            return None if pid is None else self._at_work.get(pid)

    def process_of(self, port: int, server_port: int) -> int | None:
        """The process at work that opened a connection on loopback, from its ``port`` to ``server_port``."""
        inode = _inode(port, server_port)
        with self._lock:
            pids = list(self._at_work)
        return next((pid for pid in pids if inode and _holds(pid, inode)), None)


def pull_number_of(event: Any, text: bytes) -> int | None:
    body = event.get("body") if isinstance(event, dict) else None
    if body and event.get("isBase64Encoded"):
        text = base64.b64decode(body)
    found = _PULL.search(text.decode(errors="replace"))
    return int(found[1]) if found else None


def _inode(port: int, server_port: int) -> str | None:
    """In /proc/net/tcp (proc(5)) addresses end in the port as four hexadecimal digits."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}") and fields[2].endswith(f":{server_port:04X}"):
            return fields[_INODE_FIELD]
    return None


def _is_sandbox(pid: int) -> bool:
    """Whether it still is the child of ours that it was: numbers of processes are used again."""
    try:
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        return int(parent) == os.getpid() and b"awslambdaric" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _holds(pid: int, inode: str) -> bool:
    try:
        return any(_target(one) == f"socket:[{inode}]" for one in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it has just ended
        return False


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""
