"""The sandboxes of one function: as many as it may have at once, kept warm, with fresh credentials of its role."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.aws.runtime_api import Answer, error
from local.aws.sandbox import Function, Sandbox, Watch

_CREDENTIALS_MARGIN_SECONDS = 60.0


@dataclass(frozen=True)
class Credentials:
    """A session of a role, as environment variables."""

    environment: Mapping[str, str]
    expires_at: float


@dataclass
class Pool:
    """At most ``size`` sandboxes; an invocation that finds all of them busy waits for one."""

    function: Function
    assume: Callable[[Function], Credentials]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    size: int = 2
    watch: Watch | None = None
    _idle: list[tuple[Sandbox, float]] = field(default_factory=list)
    _all: set[Sandbox] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _closed: bool = False

    def invoke(self, event: bytes, *, request_id: str, trace: str) -> Answer:
        """Waits for a free sandbox or starts one, and gives it back warm if it can be used again."""
        taken = self._take()
        if taken is None:
            return error("Sandbox.Stopped", f"{self.function.logical_id} was stopped")
        sandbox, expires_at = taken
        try:
            return self._watched(sandbox, event, request_id, trace)
        finally:
            self._give_back(sandbox, expires_at)

    def close(self) -> None:
        """Ends all sandboxes, busy ones too."""
        with self._changed:
            self._closed = True
            doomed, self._all, self._idle = self._all, set(), []
            self._changed.notify_all()
        for sandbox in doomed:
            sandbox.close()

    def _watched(self, sandbox: Sandbox, event: bytes, request_id: str, trace: str) -> Answer:
        if self.watch:
            self.watch.began(sandbox.pid, self.function, request_id, event)
        answer = sandbox.invoke(event, request_id=request_id, trace=trace)
        if self.watch:
            self.watch.ended(sandbox.pid, answer)
        return answer

    def _take(self) -> tuple[Sandbox, float] | None:
        with self._changed:
            while not self._closed:
                while self._idle:
                    sandbox, expires_at = self._idle.pop()
                    if sandbox.alive and self._lasts(expires_at):
                        return sandbox, expires_at
                    self._all.discard(sandbox)
                    sandbox.close()
                if len(self._all) < self.size:
                    return self._start()
                self._changed.wait()
        return None

    def _start(self) -> tuple[Sandbox, float]:
        credentials = self.assume(self.function)
        environment = {**self.environment, **credentials.environment}
        sandbox = Sandbox(self.function, environment=environment, folder=self.folder, log=self.log)
        self._all.add(sandbox)
        return sandbox, credentials.expires_at

    def _give_back(self, sandbox: Sandbox, expires_at: float) -> None:
        with self._changed:
            usable = sandbox in self._all and sandbox.alive
            if usable:
                self._idle.append((sandbox, expires_at))
            else:
                self._all.discard(sandbox)
            self._changed.notify()
        if not usable:
            sandbox.close()

    def _lasts(self, expires_at: float) -> bool:
        return expires_at - time.time() > self.function.timeout_seconds + _CREDENTIALS_MARGIN_SECONDS
