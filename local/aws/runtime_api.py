"""The Lambda Runtime API (2018-06-01) of one sandbox: hands events to the runtime and takes its answers."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

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

    def fail_init(self, error: bytes) -> None:
        self.init_error = error
        self.ready.set()

    def close(self) -> None:
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """``/2018-06-01/runtime/invocation/next``"""
        invocation = self.server.api.next()
        if invocation is None:
            self._reply(410, b"{}")
        else:
            self._reply(200, invocation.event, invocation.headers())

    def do_POST(self) -> None:
        """``…/runtime/init/error`` or ``…/runtime/invocation/<id>/(response|error)``"""
        body = self._body()
        match self.path.split("/")[3:]:
            case ["init", "error"]:
                self.server.api.fail_init(body)
            case ["invocation", request_id, "response"]:
                self.server.api.answer(request_id, Answer(ok=True, payload=body or b"null"))
            case ["invocation", request_id, "error"]:
                self.server.api.answer(request_id, Answer(ok=False, payload=body))
            case _:
                self._reply(404, b"{}")
                return
        self._reply(202, b'{"status":"OK"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it)
        """Requests are not worth a line: the function's own log tells its invocations."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _unsampled_trace() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
