"""Runs the emulator's Lambda functions in sandboxes: the emulator forwards each event here and gets the answer.

The emulator's own executor would use its own Python and its own packages; its proxy mode replaces it.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.aws.pool import Credentials, Pool
from local.aws.runtime_api import Answer
from local.aws.sandbox import Function

PROXY_VARIABLE = "MINISTACK_LAMBDA_PROXY_URL"
_STILL_AT_WORK_SECONDS = 0.4  # less than the shortest time-out of a function, 1 s
_ERROR_BYTES = 480  # the emulator passes on the first 512 of an error


class Functions:
    """A server for the emulator's proxy mode, with one pool of sandboxes per bound function."""

    def __init__(self, *, folder: Path, administrator: Any, environment: Mapping[str, str], size: int = 2) -> None:
        self._folder = folder
        self._logs = folder / "logs" / "functions"
        self._sts, self._lambda = administrator("sts"), administrator("lambda")
        self._environment = dict(environment)
        self._size = size
        self._pools: dict[str, Pool] = {}
        self._roles: dict[str, str] = {}

    def start(self) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._workers = ThreadPoolExecutor(max_workers=64, thread_name_prefix="invocation")
        self._xray = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._xray.bind(("127.0.0.1", 0))
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._close_pools()
        self._workers.shutdown()
        self._xray.close()

    def bind(self, functions: Iterable[tuple[Function, int]]) -> None:
        """Makes the emulator send these functions' events here; ``int`` is how many may run at once."""
        self._close_pools()
        for function, concurrency in functions:
            self._pools[function.name] = self._pool(function, min(concurrency, self._size))
            self._lambda.update_function_configuration(
                FunctionName=function.name,
                Environment={"Variables": {**function.environment, PROXY_VARIABLE: self.url}},
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def submit(self, name: str, event: bytes, *, request_id: str, trace: str) -> Future[Answer]:
        return self._workers.submit(self._pools[name].invoke, event, request_id=request_id, trace=trace)

    def role_of(self, access_key_id: str) -> str | None:
        """The ARN of the role whose session a sandbox got with this key."""
        return self._roles.get(access_key_id)

    def _pool(self, function: Function, size: int) -> Pool:
        return Pool(
            function=function,
            assume=self._assume,
            environment={**self._environment, "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{self._xray.getsockname()[1]}"},
            folder=self._folder,
            log=self._logs / f"{function.logical_id}.log",
            size=size,
        )

    def _assume(self, function: Function) -> Credentials:
        answer = self._sts.assume_role(RoleArn=function.role, RoleSessionName=function.name[:64])["Credentials"]
        self._roles[answer["AccessKeyId"]] = function.role
        return Credentials(
            environment={
                "AWS_ACCESS_KEY_ID": answer["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"],
                "AWS_SESSION_TOKEN": answer["SessionToken"],
            },
            expires_at=answer["Expiration"].timestamp(),
        )

    def _close_pools(self) -> None:
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, functions: Functions) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.functions = functions


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        event = self.rfile.read(int(self.headers["Content-Length"]))
        work = self.server.functions.submit(
            self.headers["X-Amzn-Lambda-Function-Name"],
            event,
            request_id=self.headers["X-Amzn-Lambda-Request-Id"],
            trace=self.headers.get("X-Amzn-Trace-Id", ""),
        )
        self._reply(self._await(work))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it)
        """Requests are not worth a line: the functions' own logs tell their invocations."""

    def _await(self, work: Future[Answer]) -> Answer:
        """Interim responses keep the emulator waiting: its time-out would count the start of the sandbox too."""
        while True:
            try:
                return work.result(timeout=_STILL_AT_WORK_SECONDS)
            except NotYetError:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _reply(self, answer: Answer) -> None:
        body = answer.payload if answer.ok else shortened(answer.payload)
        self.send_response(200 if answer.ok else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def shortened(error: bytes) -> bytes:
    """An error that survives the emulator's limit as JSON; the whole of it, with the stack trace, is in the log."""
    whole = json.loads(error or b"{}")
    kind, message = str(whole.get("errorType", "")), str(whole.get("errorMessage", ""))
    for length in (400, 200, 60):
        short = json.dumps({"errorType": kind[:60], "errorMessage": message[:length]}).encode()
        if len(short) <= _ERROR_BYTES:
            break
    return short
