"""A webhook's address that keeps what it gets."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes


class Receiver(ThreadingHTTPServer):
    """A webhook's address: keeps what it gets, answers ``status``, and does not answer at all while ``held``."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ReceiverHandler)
        self.received: list[Received] = []
        self.status = 202
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def of(self, event: str) -> list[Received]:
        """What came of one kind of event."""
        return [one for one in self.received if one.headers["x-github-event"] == event]


class _ReceiverHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(Received({name.lower(): value for name, value in self.headers.items()}, body))
        self.server.may_answer.wait(10)
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"taken")

    def log_message(self, *_: object) -> None:
        """Says nothing."""
