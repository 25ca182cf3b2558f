"""The front of the warehouse: HTTPS with a Bearer token, as a Databricks workspace answers the connector.

A test plans its faults, what is added to each request, and learns how many there were, at paths of our own.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from local.warehouse.faults import Fault, Faults
from local.warehouse.tokens import TOKEN_PATH, Tokens

logger = logging.getLogger(__name__)

# Ours, not Databricks':
LATENCY_PATH = "/local/latency-ms"
FAULTS_PATH = "/local/faults"
REQUESTS_PATH = "/local/requests"


class WarehouseServer(ThreadingHTTPServer):
    """Gives each authorised request to ``answer``, ``latency_ms`` later; one thread per connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        certificate: Path,
        key: Path,
        *,
        http_path: str,
        tokens: Tokens,
        faults: Faults,
        latency_ms: int,
        answer: Callable[[bytes], bytes],
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.http_path = http_path
        self.tokens = tokens
        self.faults = faults
        self.latency_ms = latency_ms
        self.answer = answer
        self.requests: list[None] = []  # one more for each POST; appending needs no lock
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        # The handshake is left to the connection's own thread, so that a silent client holds up nobody.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        logger.info("a connection ended early: %r", sys.exception())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: WarehouseServer

    def do_GET(self) -> None:
        if not self._authorised():
            self._refuse(403, "Invalid access token.")
        elif self.path == REQUESTS_PATH:
            self._send(200, str(len(self.server.requests)).encode(), "text/plain")
        else:
            self._refuse(404, f"GET is for {REQUESTS_PATH}")

    def do_POST(self) -> None:
        self.server.requests.append(None)
        body = self._body()
        fault = self.server.faults.of_request(body)
        if fault:
            self._fail(fault, body)
        elif self.path == TOKEN_PATH:
            self._give_token(body)
        elif not self._authorised():
            self._refuse(403, "Invalid access token.")
        elif self.path != self.server.http_path:
            self._refuse(404, f"no warehouse at {self.path}")
        else:
            time.sleep(self.server.latency_ms / 1000)
            self._send(200, self.server.answer(body), "application/x-thrift")

    def do_PUT(self) -> None:
        body = self._body()
        if not self._authorised():
            self._refuse(403, "Invalid access token.")
        elif self.path == LATENCY_PATH and body.isdigit():
            self.server.latency_ms = int(body)
            self._send(204, b"", "text/plain")
        elif self.path == FAULTS_PATH:
            self.server.faults.plan([Fault(**each) for each in json.loads(body)])
            self._send(204, b"", "text/plain")
        else:
            self._refuse(404, f"PUT is for {LATENCY_PATH} and a number, and {FAULTS_PATH} and faults")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it
        logger.debug(format, *args)

    def _authorised(self) -> bool:
        return self.server.tokens.allow(self.headers.get("Authorization", ""))

    def _give_token(self, body: bytes) -> None:
        time.sleep(self.server.latency_ms / 1000)
        status, answer = self.server.tokens.give(self.headers.get("Authorization", ""), body)
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _fail(self, fault: Fault, body: bytes) -> None:
        logger.info("%s: %s", fault.action, fault.match)
        if fault.action == "busy":
            self._refuse(503, "The warehouse is starting.", {"Retry-After": "1"})
            return
        if fault.action == "lose":
            threading.Thread(target=self.server.answer, args=(body,), daemon=True).start()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _refuse(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        """In the header from which the connector takes its message (``DATABRICKS_REASON_HEADER``), and as JSON."""
        body = json.dumps({"error_code": str(status), "message": reason}).encode()
        self._send(status, body, "application/json", {"x-databricks-reason-phrase": reason} | (headers or {}))

    def _send(self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
