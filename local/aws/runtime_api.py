"""The Lambda Runtime API (2018-06-01) of one sandbox: hands events to the runtime and takes its answers."""

from __future__ import annotations

import json
import queue
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import cast

from local.aws.loopback import LoopbackHandler, LoopbackServer


@dataclass(frozen=True)
class Answer:
    """What a function returned or raised: JSON, as the runtime wrote it."""

    ok: bool
    payload: bytes


@dataclass(frozen=True)
class Invocation:
    request_id: str
    event: bytes
    function_arn: str
    timeout_seconds: float
    trace: str = ""
    answers: queue.Queue[Answer] = field(default_factory=queue.Queue)

    def headers(self) -> dict[str, str]:
        return {
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.timeout_seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.function_arn,
            "Lambda-Runtime-Trace-Id": self.trace or _unsampled_trace(),
        }


class RuntimeApi:
    """Serves one runtime on a free port; ``ready`` is set when it asks for its first event or has failed to."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.init_error: bytes | None = None
        self._waiting: queue.Queue[Invocation | None] = queue.Queue()
        self._open: dict[str, Invocation] = {}
        self._server = LoopbackServer(_Handler, self)
        self._server.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def submit(self, invocation: Invocation) -> None:
        self._open[invocation.request_id] = invocation
        self._waiting.put(invocation)

    def next(self) -> Invocation | None:
        """Blocks until there is an event; None when the sandbox closes."""
        self.ready.set()
        return self._waiting.get()

    def answer(self, request_id: str, answer: Answer) -> None:
        if invocation := self._open.pop(request_id, None):
            invocation.answers.put(answer)

    def fail_init(self, reason: bytes) -> None:
        self.init_error = reason
        self.ready.set()

    def close(self) -> None:
        self._waiting.put(None)
        self._server.close()


class _Handler(LoopbackHandler):
    @property
    def _api(self) -> RuntimeApi:
        return cast("RuntimeApi", self.server.owner)

    def do_GET(self) -> None:
        """``/2018-06-01/runtime/invocation/next``"""
        invocation = self._api.next()
        if invocation is None:
            self.close_connection = True
        else:
            self.reply(200, invocation.event, invocation.headers())

    def do_POST(self) -> None:
        """``…/runtime/init/error`` or ``…/runtime/invocation/<id>/(response|error)``"""
        body = self._body()
        match self.path.split("/")[3:]:
            case ["init", "error"]:
                self._api.fail_init(body)
            case ["invocation", request_id, "response"]:
                self._api.answer(request_id, Answer(ok=True, payload=body or b"null"))
            case ["invocation", request_id, "error"]:
                self._api.answer(request_id, Answer(ok=False, payload=body))
            case _:
                self.reply(404, b"{}")
                return
        self.reply(202, b'{"status":"OK"}')

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)


def error(kind: str, message: str) -> Answer:
    """An error of Lambda's own, in the shape of a function's."""
    return Answer(ok=False, payload=json.dumps({"errorType": kind, "errorMessage": message}).encode())


def _unsampled_trace() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
