"""A package index on loopback: the simple repository's pages, served over HTTP for files that the test made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote


@dataclass
class LoopbackIndex:
    """``files`` by project and file name; ``answers``: a status for every page and file, instead of them."""

    url: str
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    answers: HTTPStatus | None = None
    hashed: bool = True
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
            case ["files", project, file] if file in self.files.get(project, {}):
                return 200, self.files[project][file]
        return 404, b""

    def _page(self, project: str) -> str:
        return "<!DOCTYPE html><html><body>" + "".join(
            f'<a href="/files/{project}/{file}{self._fragment(content)}">{file}</a>\n'
            for file, content in self.files[project].items()
        )

    def _fragment(self, content: bytes) -> str:
        return f"#sha256={hashlib.sha256(content).hexdigest()}" if self.hashed else ""


@contextmanager
def loopback_index() -> Iterator[LoopbackIndex]:
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
    index = LoopbackIndex(f"http://127.0.0.1:{server.server_port}/simple/")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
