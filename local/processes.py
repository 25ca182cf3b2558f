"""Child processes of the local stack: started with a log file, waited for by condition, ended with their children."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.guard import kill_session


class NotReadyError(RuntimeError):
    """A condition was not met before its deadline, or the process that should meet it has ended."""


class Child:
    """A process in a session of its own, whose output goes to a log file and who dies with this process."""

    def __init__(
        self, command: Sequence[str | Path], *, log: Path, env: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        _guard.watch(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, what: str, deadline_seconds: float) -> None:
        """Returns when ``ready()`` holds; raises NotReadyError with the log's end when it cannot any more."""
        try:
            wait_until(
                lambda: ready() or not self.running(), what=what, deadline_seconds=deadline_seconds, every_seconds=0.1
            )
        except NotReadyError as error:
            raise NotReadyError(f"{error}\n{self.log_end()}") from None
        if not self.running():
            raise NotReadyError(f"{what}: the process ended with {self._process.poll()}\n{self.log_end()}")

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Ends the whole session: its group is asked first, then all are killed; returns when nothing of it is left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_seconds)
        kill_session(self._process.pid, signal.SIGKILL)
        self._process.wait()
        _guard.forget(self._process.pid)

    def log_end(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def wait_until(
    condition: Callable[[], bool], *, what: str, deadline_seconds: float, every_seconds: float = 0.2
) -> float:
    """Asks ``condition`` until it holds and returns the seconds it took; raises NotReadyError naming ``what``."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > deadline_seconds:
            raise NotReadyError(f"{what}: not within {deadline_seconds:.0f} s")
        time.sleep(every_seconds)
    return time.monotonic() - started


class _Guard:
    """One small process that outlives this one just long enough to end its children (see ``local.guard``)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def watch(self, session: int) -> None:
        self._tell(f"+{session}")

    def forget(self, session: int) -> None:
        self._tell(f"-{session}")

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._process is None:
                guard = Path(__file__).with_name("guard.py")
                self._process = subprocess.Popen(
                    [sys.executable, guard], stdin=subprocess.PIPE, text=True, start_new_session=True
                )
                atexit.register(self._close)
            assert self._process.stdin is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()


_guard = _Guard()
