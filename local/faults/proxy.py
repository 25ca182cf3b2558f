"""A proxy on loopback before one upstream: passes requests on as they are, Host header included, or spoils them.

AWS's signatures cover the Host header, and nothing else of where a request goes.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3

from local.certificates import Certificates
from local.faults import answers
from local.faults.answers import Answer
from local.faults.callers import Callers
from local.faults.injector import Injector
from local.faults.kinds import Kind
from local.faults.operations import Request

_LONGEST_ANSWER_SECONDS: Final = 900
_HELD_SECONDS: Final = 75.0  # longer than any client's own time-out
_OWN: Final = frozenset({"connection", "transfer-encoding", "content-length", "expect", "keep-alive"})
_BODILESS: Final = frozenset({204, 304})


class Proxy:
    """Listens at ``address`` from its making on, with the upstream's scheme; serves from ``start`` to ``stop``."""

    def __init__(
        self,
        name: str,
        upstream: str,
        *,
        certificates: Certificates,
        callers: Callers,
        injector: Injector,
        held_seconds: float = _HELD_SECONDS,
    ) -> None:
        self.name = name
        self.upstream = upstream
        self.callers, self.injector, self.held_seconds = callers, injector, held_seconds
        self.renamed: Mapping[str, str] = {}  # addresses in answers → those of the proxies before them
        self.closing = threading.Event()
        scheme, host = urlsplit(upstream).scheme, urlsplit(upstream).hostname
        self._pool = urllib3.connection_from_url(upstream, maxsize=16, **_trust(scheme, certificates))
        self._server = _Server(self, _tls(certificates) if scheme == "https" else None)
        self.address = f"{scheme}://{host}:{self._server.server_port}{urlsplit(upstream).path}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._pool.close()

    def ask(self, request: Request, headers: list[tuple[str, str]]) -> Answer:
        """The upstream's own answer, with the proxies' addresses in the place of the upstreams'."""
        answer = self._pool.urlopen(
            request.method,
            request.path,
            body=request.body or None,
            headers=urllib3.HTTPHeaderDict([(name, value) for name, value in headers if name.lower() not in _OWN]),
            timeout=urllib3.Timeout(connect=10, read=_LONGEST_ANSWER_SECONDS),
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        body = answer.read(decode_content=False)
        is_json = "json" in answer.headers.get("Content-Type", "")
        kept = [(name, self._rename(value)) for name, value in answer.headers.iteritems() if name.lower() not in _OWN]
        if request.method == "HEAD":
            kept.append(("Content-Length", answer.headers.get("Content-Length", "0")))
        return Answer(answer.status, self._rename(body.decode()).encode() if is_json else body, tuple(kept))

    def _rename(self, text: str) -> str:
        for theirs, ours in self.renamed.items():
            text = text.replace(theirs, ours)
        return text


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: Proxy, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy
        self._tls = tls

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls:
            # The handshake is left to the connection's own thread: a silent client must not hold up the others.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections break here all the time: that is what it is for."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # narrower in typeshed's own base


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    _pid: int | None = None

    def handle(self) -> None:
        proxy = self.server.proxy
        if proxy.injector.refuses(proxy.name, self._caller()):
            self._reset()
            return
        super().handle()

    def do_GET(self) -> None:
        request = Request(
            self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, self._body()
        )
        kind = self.server.proxy.injector.kind_of(self.server.proxy.name, request, self._caller())
        self._spoil(request, kind) if kind else self._send(self._asked(request))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 # the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class names it
        """The injector keeps what was asked."""

    def _caller(self) -> int | None:
        """Found once for a connection, as soon as its process is at work."""
        if self._pid is None:
            self._pid = self.server.proxy.callers.process_of(self.client_address[1], self.server.server_port)
        return self._pid

    def _spoil(self, request: Request, kind: Kind) -> None:
        match kind:
            case Kind.REFUSED:
                self._reset()
            case Kind.SILENT:
                self._hold()
            case Kind.THROTTLED:
                self._send(answers.throttled(self.server.proxy.name))
            case Kind.BROKEN:
                self._send(answers.broken(self.server.proxy.name))
            case Kind.KILLED_BEFORE:
                self._kill()
            case _:
                self._spoil_answer(self._asked(request), kind)

    def _spoil_answer(self, answer: Answer, kind: Kind) -> None:
        """When the work is done."""
        match kind:
            case Kind.RUBBISH:
                self._send(answers.rubbish())
            case Kind.CUT:
                self._cut(answer)
            case Kind.KILLED_AFTER:
                self._kill()
            case _:
                self._reset()

    def _asked(self, request: Request) -> Answer:
        return self.server.proxy.ask(request, list(self.headers.items()))

    def _send(self, answer: Answer) -> None:
        self.wfile.write(self._head(answer))
        if self._has_body(answer):
            self.wfile.write(answer.body)

    def _cut(self, answer: Answer) -> None:
        """Half of the body, or where there is none, half of the head."""
        head = self._head(answer)
        has_body = self._has_body(answer) and answer.body
        self.wfile.write(head + answer.body[: len(answer.body) // 2] if has_body else head[: len(head) // 2])
        self.close_connection = True

    def _head(self, answer: Answer) -> bytes:
        headers = list(answer.headers)
        if self._has_body(answer):
            headers.append(("Content-Length", str(len(answer.body))))
        lines = [f"{self.protocol_version} {answer.status} {_reason(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _has_body(self, answer: Answer) -> bool:
        return self.command != "HEAD" and answer.status not in _BODILESS

    def _hold(self) -> None:
        """Until the client has gone, in vain."""
        end = time.monotonic() + self.server.proxy.held_seconds
        while time.monotonic() < end and not self.server.proxy.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.2)
            if readable:  # it sends nothing more: it has closed
                break
        self._reset()

    def _kill(self) -> None:
        assert self._pid is not None, "only what an invocation asks for goes wrong"
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._reset()

    def _reset(self) -> None:
        """With a RST, as a port that nobody listens on answers; a TLS connection gets no proper goodbye either."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return b"".join(chunks)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context


def _trust(scheme: str, certificates: Certificates) -> dict[str, Any]:
    return {"ca_certs": str(certificates.authority)} if scheme == "https" else {}
