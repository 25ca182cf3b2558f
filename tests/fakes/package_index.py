"""Package indexes for files that the test made: in memory, and the simple repository's pages over HTTP on loopback."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote

from dagbranch.domain.requirements import Requirement
from dagbranch.domain.source_archive import Limits
from dagbranch.domain.wheels import check_wheels, chosen_wheels
from dagbranch.errors import TransientUpstreamError
from local.certificates import Certificates


@dataclass
class InMemoryIndex:
    """``files`` by name, of any project."""

    files: dict[str, bytes] = field(default_factory=dict)
    down: bool = False
    asked: list[Sequence[Requirement]] = field(default_factory=list)

    def wheels(self, requirements: Sequence[Requirement], limits: Limits) -> Mapping[str, bytes]:  # noqa: ARG002 # all is small here
        self.asked.append(requirements)
        if self.down and requirements:
            raise TransientUpstreamError("the package index cannot be reached")
        found = chosen_wheels(requirements, self.files)
        check_wheels(requirements, found)
        return found


@dataclass
class LoopbackIndex:
    """``files`` by project and file name; ``answers``: a status for every page (or file), instead of them."""

    url: str
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    answers: HTTPStatus | None = None
    file_answers: HTTPStatus | None = None
    hashed: bool = True
    requires_python: str = ""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def offer(self, project: str, file: str, content: bytes) -> None:
        self.files.setdefault(project, {})[file] = content

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        self.requests.append((path, headers))
        if self.answers is not None:
            return self.answers, b""
        match unquote(path).strip("/").split("/"):
            case ["simple", project] if project in self.files:
                return 200, self._page(project).encode()
            case ["files", _, _] if self.file_answers is not None:
                return self.file_answers, b""
            case ["files", project, file] if file in self.files.get(project, {}):
                return 200, self.files[project][file]
        return 404, b""

    def _page(self, project: str) -> str:
        python = f'data-requires-python="{escape(self.requires_python)}"' if self.requires_python else ""
        return "<!DOCTYPE html><html><body>" + "".join(
            f'<a {python} href="/files/{project}/{file}{self._fragment(content)}">{file}</a>\n'
            for file, content in self.files[project].items()
        )

    def _fragment(self, content: bytes) -> str:
        return f"#sha256={hashlib.sha256(content).hexdigest()}" if self.hashed else ""


@contextmanager
def loopback_index(certificates: Certificates | None = None) -> Iterator[LoopbackIndex]:
    """Over HTTPS where there are certificates."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = index.answer(self.path, dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificates is not None:
        server.socket = _context(certificates).wrap_socket(server.socket, server_side=True)
        scheme = "https"
    index = LoopbackIndex(f"{scheme}://127.0.0.1:{server.server_port}/simple/")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context
