"""Child processes of the local stack: started with a log file, waited for by condition, ended with their children."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class NotReadyError(RuntimeError):
    """A condition was not met before its deadline, or the process that should meet it has ended."""


class Child:
    """A process in a group of its own, whose output goes to a log file and who dies with this process."""

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
                preexec_fn=_die_with_parent,
            )

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
        """Ends the whole group: asked first, then killed; returns when nothing of it is left."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)
        self._process.wait()

    def log_end(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass


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


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
