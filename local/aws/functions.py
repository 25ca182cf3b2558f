"""Runs the emulator's Lambda functions in sandboxes: the emulator forwards each event here and gets the answer.

The emulator's own executor would use its own Python and its own packages; its proxy mode replaces it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.loopback import LoopbackHandler, LoopbackServer
from local.aws.pool import Credentials, Pool
from local.aws.runtime_api import Answer, error
from local.aws.sandbox import Function, Watch

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
        self._names: dict[str, set[str]] = {}  # of each stack's functions
        self._roles: dict[str, str] = {}
        self._running = ExitStack()

    def start(self) -> None:
        self._workers = self._running.enter_context(ThreadPoolExecutor(64, thread_name_prefix="invocation"))
        self._xray = self._running.enter_context(_deaf_socket())
        self._running.callback(lambda: self._close_pools(list(self._pools)))
        self._server = LoopbackServer(_Handler, self)
        self._running.callback(self._server.close)
        self._server.start()

    def stop(self) -> None:
        self._running.close()

    def bind(
        self,
        stack: str,
        functions: Iterable[tuple[Function, int]],
        *,
        environment: Mapping[str, str],
        watch: Watch | None = None,
    ) -> Path:
        """Makes the emulator send this stack's functions' events here, instead of to those that were bound for it.

        ``int`` is how many may run at once, ``environment`` are more variables for each. Returns the logs' folder.
        """
        self._close_pools(self._names.pop(stack, set()))
        logs = self._logs / stack
        logs.mkdir(parents=True, exist_ok=True)
        for function, concurrency in functions:
            self._names.setdefault(stack, set()).add(function.name)
            self._pools[function.name] = Pool(
                function=function,
                assume=self._assume,
                environment={**self._environment, **environment, **self._xray_address()},
                folder=self._folder,
                log=logs / f"{function.logical_id}.log",
                size=min(concurrency, self._size),
                watch=watch,
            )
            self._lambda.update_function_configuration(
                FunctionName=function.name,
                Environment={"Variables": {**function.environment, PROXY_VARIABLE: self.url}},
            )
        return logs

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def submit(self, name: str, event: bytes, *, request_id: str, trace: str) -> Future[Answer]:
        return self._workers.submit(self._invoke, name, event, request_id, trace)

    def role_of(self, access_key_id: str) -> str | None:
        """The ARN of the role whose session a sandbox got with this key."""
        return self._roles.get(access_key_id)

    def _invoke(self, name: str, event: bytes, request_id: str, trace: str) -> Answer:
        pool = self._pools.get(name)
        if pool is None:
            return error("Sandbox.Stopped", f"{name} is not bound to a sandbox")
        try:
            return pool.invoke(event, request_id=request_id, trace=trace)
        except (BotoCoreError, ClientError) as failure:
            return error("Sandbox.NoCredentials", f"no session of the role {pool.function.role}: {failure}")

    def _xray_address(self) -> dict[str, str]:
        return {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{self._xray.getsockname()[1]}"}

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

    def _close_pools(self, names: Iterable[str]) -> None:
        for pool in [self._pools.pop(name) for name in names]:
            pool.close()


class _Handler(LoopbackHandler):
    def do_POST(self) -> None:
        event = self.rfile.read(int(self.headers["Content-Length"]))
        work = cast("Functions", self.server.owner).submit(
            self.headers["X-Amzn-Lambda-Function-Name"],
            event,
            request_id=self.headers["X-Amzn-Lambda-Request-Id"],
            trace=self.headers.get("X-Amzn-Trace-Id", ""),
        )
        answer = self._await(work)
        self.reply(200 if answer.ok else 500, answer.payload if answer.ok else shortened(answer.payload))

    def _await(self, work: Future[Answer]) -> Answer:
        """Interim responses keep the emulator waiting: its time-out would count the start of the sandbox too."""
        while not wait([work], timeout=_STILL_AT_WORK_SECONDS).done:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return work.result()


def _deaf_socket() -> socket.socket:
    """Where X-Ray's SDK may send its datagrams: bound, so that nobody else gets them, and never read."""
    deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    deaf.bind(("127.0.0.1", 0))
    return deaf


def shortened(error: bytes) -> bytes:
    """An error that survives the emulator's limit as JSON; the whole of it, with the stack trace, is in the log."""
    whole = json.loads(error or b"{}")
    kind, message = str(whole.get("errorType", "")), str(whole.get("errorMessage", ""))
    for length in (400, 200, 60):
        short = json.dumps({"errorType": kind[:60], "errorMessage": message[:length]}).encode()
        if len(short) <= _ERROR_BYTES:
            break
    return short
