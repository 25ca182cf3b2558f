"""The double's HTTP server: threads of this process on a free loopback port, gone when it is stopped."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.github.rest.application import Application
from local.github.rest.messages import Answer, ApiError, Request

type Log = Callable[[str], None]
_CODELOAD = "/_codeload/"


class Server(ThreadingHTTPServer):
    """Bound when made, so that its address is known; serves from ``serve`` to ``stop``.

    ``api_prefix`` is nothing, as on github.com, or ``/api/v3`` as on GitHub Enterprise Server.
    """

    daemon_threads = False
    application: Application

    def __init__(self, api_prefix: str, log: Log) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api_prefix = api_prefix
        self.log = log
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="local-github")

    def serve(self, application: Application) -> None:
        self.application = application
        self._thread.start()

    def stop(self) -> None:
        """Ends every connection, also those that clients keep alive, and every thread."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        for connection in list(self._connections):
            _end(connection)
        self.server_close()

    def answer(self, request: Request) -> Answer:
        if request.path.startswith(_CODELOAD):
            return self.application.answer_codeload(request)
        if request.path.startswith(f"{self.api_prefix}/"):
            path = request.path.removeprefix(self.api_prefix)
            return self.application.answer_api(replace(request, path=path))
        return Answer(404)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.log(f"connection of {client_address} broke: {traceback.format_exc(limit=1)}")


class _Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1; what to say is the application's affair."""

    protocol_version = "HTTP/1.1"
    server_version = "github.com"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        started = time.monotonic()
        answer = self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if isinstance(answer.body, bytes):
            self._send_whole(answer, answer.body)
        else:
            self._send_pieces(answer, answer.body)
        milliseconds = (time.monotonic() - started) * 1000
        self.server.log(f"{self.command} {self.path.partition('?')[0]} → {answer.status} in {milliseconds:.0f} ms")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 # the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class names the argument
        """Says nothing: ``do_GET`` logs each answer once."""

    def _answer(self, body: bytes) -> Answer:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)
        try:
            return self.server.answer(request)
        except Exception:  # noqa: BLE001 # whatever went wrong, the client gets an answer and the log the reason
            self.server.log(f"{self.command} {parts.path} failed: {traceback.format_exc()}")
            return ApiError(500, "Server Error").answer()

    def _send_whole(self, answer: Answer, body: bytes) -> None:
        self._send_head(answer, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _send_pieces(self, answer: Answer, pieces: Iterable[bytes]) -> None:
        self._send_head(answer, {"Transfer-Encoding": "chunked"})
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _send_head(self, answer: Answer, more: dict[str, str]) -> None:
        self.send_response(answer.status)
        for name, value in {**answer.headers, **more}.items():
            self.send_header(name, value)
        self.end_headers()


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # its client was faster
        connection.shutdown(socket.SHUT_RDWR)
