"""A small HTTP server on a free port of loopback, in a thread, that ends without a trace."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LoopbackServer(ThreadingHTTPServer):
    """Serves ``handler`` from ``start()`` to ``close()``; its state hangs on ``owner``."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: type[LoopbackHandler], owner: object) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.owner = owner
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that went away, as a killed sandbox does, is no error of the server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # narrower in typeshed's own base


class LoopbackHandler(BaseHTTPRequestHandler):
    """Answers without delay and keeps connections open, as the clients of the two servers here expect."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it)
        """Requests are not worth a line: the functions' own logs tell their invocations."""

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
