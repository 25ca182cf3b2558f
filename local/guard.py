"""Ends sessions of processes, and what a dead parent left: reads lines ``+<session>`` and ``-<session>``.

The parent holds the other end of the pipe, so the lines end however it dies, and what remains is killed. (Linux's
parent-death signal does not serve: it fires when the *thread* that started a child ends. A process group does not
either: Airflow 2 gives its DAG processor and its tasks groups of their own.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

_SESSION_FIELD = 3  # of /proc/<pid>/stat, counted behind the command's closing parenthesis (proc(5): the sixth)


def kill_session(session: int, number: int) -> None:
    """Sends the signal to every process of the session, whatever its group."""
    for process in _members(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _members(session: int) -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit() and _is_in(folder, session)]


def _is_in(process: Path, session: int) -> bool:
    try:
        fields = process.joinpath("stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[_SESSION_FIELD]) == session


def main() -> None:
    sessions: set[int] = set()
    for line in sys.stdin:
        session = int(line[1:])
        sessions.add(session) if line[0] == "+" else sessions.discard(session)
    for session in sessions:
        kill_session(session, signal.SIGKILL)


if __name__ == "__main__":
    main()
