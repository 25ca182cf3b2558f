"""One Lambda execution environment without docker: a built function under ``awslambdaric`` as a child process.

The child sees its own code, its layers and the runtime, and nothing else: no site-packages, no environment of ours.
"""

from __future__ import annotations

import json
import os
import queue
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from local.aws.building import BYTECODE
from local.aws.runtime_api import Answer, Invocation, RuntimeApi, error
from local.processes import Child
from local.toolchain import PYTHON_VERSION, python_of

_INIT_SECONDS = 60.0  # Lambda allows 10 s on cores that are not shared with Spark and Airflow
_EVENT_LIMIT_BYTES = 6 * 2**20


@dataclass(frozen=True)
class Function:
    """A deployed function and where its code and layers were built."""

    logical_id: str
    name: str
    arn: str
    role: str
    region: str
    handler: str
    timeout_seconds: float
    memory_mb: int
    code: Path
    layers: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Watch(Protocol):
    """Is told which process works on what, by those who want to disturb it."""

    def began(self, pid: int, function: Function, request_id: str, event: bytes) -> None: ...

    def ended(self, pid: int, answer: Answer) -> None: ...


class Sandbox:
    """Runs one invocation at a time; after a time-out or an exit it is not ``alive`` and has to be replaced."""

    def __init__(self, function: Function, *, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        self._function = function
        self._log = log
        self._temporary = tempfile.TemporaryDirectory(prefix=f"{function.logical_id}-", dir=folder)
        self._api = RuntimeApi()
        self._started = time.monotonic()
        self._init_seconds: float | None = None
        self._child = Child(
            [python_of("lambda"), "-S", "-s", "-P", "-m", "awslambdaric", function.handler],
            log=log,
            env={**self._runtime_environment(), **function.environment, **environment},
            cwd=function.code,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child.running() and self._api.init_error is None

    def invoke(self, event: bytes, *, request_id: str, trace: str = "") -> Answer:
        """Returns the function's answer, or Lambda's own error for a time-out, an exit or a failed start."""
        if len(event) > _EVENT_LIMIT_BYTES:
            return error("RequestEntityTooLargeException", f"{len(event)} bytes, the limit is {_EVENT_LIMIT_BYTES}")
        if failure := self._init_failure():
            return failure
        invocation = Invocation(request_id, event, self._function.arn, self._function.timeout_seconds, trace)
        started = time.monotonic()
        self._api.submit(invocation)
        answer = self._wait(invocation)
        self._report(request_id, answer, time.monotonic() - started)
        return answer

    def close(self) -> None:
        self._child.stop()
        self._api.close()
        self._temporary.cleanup()

    def _init_failure(self) -> Answer | None:
        deadline = self._started + _INIT_SECONDS
        while not self._api.ready.wait(0.05):
            if not self._child.running():
                return error("Runtime.ExitError", f"the runtime exited before it was ready, see {self._log}")
            if time.monotonic() > deadline:
                self._child.stop()
                return error("Sandbox.Timedout", f"the init phase took more than {_INIT_SECONDS:.0f} s")
        if self._api.init_error is not None:
            return Answer(ok=False, payload=self._api.init_error)
        if self._init_seconds is None:
            self._init_seconds = time.monotonic() - self._started
        return None

    def _wait(self, invocation: Invocation) -> Answer:
        deadline = time.monotonic() + invocation.timeout_seconds
        while True:
            try:
                return invocation.answers.get(timeout=0.1)
            except queue.Empty:
                pass
            if not self._child.running():
                return error("Runtime.ExitError", "the runtime exited without an answer")
            if time.monotonic() > deadline:
                self._child.stop(grace_seconds=0)
                return error("Sandbox.Timedout", f"Task timed out after {invocation.timeout_seconds:.2f} seconds")

    def _report(self, request_id: str, answer: Answer, seconds: float) -> None:
        """Ends the invocation in the function's log as Lambda does with the log format JSON."""
        metrics: dict[str, float] = {"durationMs": round(seconds * 1000, 1), "memorySizeMB": self._function.memory_mb}
        if self._init_seconds:
            metrics["initDurationMs"] = round(self._init_seconds * 1000, 1)
            self._init_seconds = 0.0
        record = {"requestId": request_id, "status": "success" if answer.ok else "error", "metrics": metrics}
        if not answer.ok:
            record["error"] = json.loads(answer.payload or b"null")
        with self._log.open("a") as log:
            log.write(json.dumps({"type": "platform.report", "record": record}) + "\n")

    def _runtime_environment(self) -> dict[str, str]:
        function, runtime, temporary = self._function, _runtime_folder(), self._temporary.name
        path = [function.code, *(layer / "python" for layer in function.layers), runtime]
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "HOME": temporary,
            "TMPDIR": temporary,
            "PYTHONPATH": os.pathsep.join(str(part) for part in path),
            # Nothing may be written beside the code; compiled once per build, a cold start costs half.
            "PYTHONPYCACHEPREFIX": str(function.code.parent / BYTECODE),
            "LAMBDA_TASK_ROOT": str(function.code),
            "LAMBDA_RUNTIME_DIR": str(runtime),
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{PYTHON_VERSION}",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
        }


def _runtime_folder() -> Path:
    return python_of("lambda").parent.parent / "lib" / f"python{PYTHON_VERSION}" / "site-packages"
