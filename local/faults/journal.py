"""What became of each invocation, by its answer and by the function's own log."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.aws.runtime_api import Answer
from local.faults.callers import Invocation

_LIFE_CYCLE = ("Runtime.ExitError", "Sandbox.Timedout")


@dataclass(frozen=True)
class Ended:
    invocation: Invocation
    answer: Answer


class Journal:
    """Every invocation that has ended; written by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: dict[int, Ended] = {}

    def note(self, invocation: Invocation, answer: Answer) -> None:
        with self._lock:
            self._ended[invocation.number] = Ended(invocation, answer)

    def of(self, invocation: Invocation) -> Ended | None:
        with self._lock:
            return self._ended.get(invocation.number)

    def count(self, pull_number: int) -> Counter[str]:
        """How often each function worked for this pull request."""
        with self._lock:
            found = [one.invocation for one in self._ended.values()]
        return Counter(one.function for one in found if one.pull_number == pull_number)


def is_dead(answer: Answer) -> bool:
    """Whether the process ended under its invocation: killed, or out of time."""
    return not answer.ok and _payload(answer).get("errorType") in _LIFE_CYCLE


def is_done(answer: Answer) -> bool:
    """Whether no message has to come again."""
    return answer.ok and not _payload(answer).get("batchItemFailures")


def outcome(ended: Ended | None, logs: Path) -> str:
    """In a few words: done, or what the function said of its failure."""
    if ended is None:
        return "still at work"
    if is_dead(ended.answer):
        return "out of time" if _payload(ended.answer).get("errorType") == "Sandbox.Timedout" else "died"
    said = _said(logs / f"{ended.invocation.function}.log", ended.invocation.request_id)
    if not is_done(ended.answer):
        return f"brought again: {said or _payload(ended.answer).get('errorMessage', '')}"
    return f"done: {said}" if said else "done"


def _said(log: Path, request_id: str) -> str:
    """The last warning or error of this invocation."""
    found = ""
    for line in log.read_text(errors="replace").splitlines() if log.exists() else ():
        if request_id not in line or '"level"' not in line:
            continue
        entry = _object(line.encode())
        if entry.get("level") in {"WARNING", "ERROR"}:
            found = " ".join(str(entry.get(key, "")) for key in ("message", "reason", "exception"))
            found = _shortened(found)
    return found


def _shortened(text: str) -> str:
    """A traceback is told by its last line."""
    head, _, trace = text.partition("Traceback (most recent call last)")
    told = " ".join((trace.strip().splitlines()[-1] if trace else head).split())
    return told.replace("dagbranch.errors.", "")[:160]


def _payload(answer: Answer) -> dict[str, Any]:
    return _object(answer.payload)


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text or b"null")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
