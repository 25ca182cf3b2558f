"""A new GitHub App, made in a browser by a manifest: a page on loopback posts it, and takes what GitHub sends back.

GitHub takes a manifest only from a form that the browser of whoever may make Apps posts, and hands the key out once,
for a code that it sends that browser back with.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, quote, urlsplit
from urllib.request import Request, urlopen

from pydantic import BaseModel, Field, ValidationError

from dagbranch.domain.github_app import Made, api_of, manifest, page_to_make_it
from dagbranch.errors import UpstreamError

_PATIENCE_SECONDS: Final = 3600  # GitHub's code is good for an hour
_TIMEOUT_SECONDS: Final = 30
_PAGE: Final = """\
<!doctype html><meta charset="utf-8"><title>dagbranch</title>
<form action="{action}" method="post"><input type="hidden" name="manifest" value="{manifest}">
<button>Make the GitHub App</button></form><script>document.forms[0].submit()</script>
"""


class _Conversion(BaseModel):
    id: int
    pem: str = Field(min_length=1)
    webhook_secret: str = Field(min_length=1)
    html_url: str


class _Server(HTTPServer):
    """``page`` is what it shows; ``code`` comes back with the same ``state``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = secrets.token_urlsafe(24)
        self.page = ""
        self.code: str | None = None
        self.timeout = 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_SECONDS

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if asked.path == "/":
            self._answer(200, self.server.page)
        elif asked.path == "/made" and hmac.compare_digest(given.get("state", ""), self.server.state):
            self.server.code = given.get("code")
            self._answer(200, "The GitHub App is made: go on in the terminal.")
        else:
            self._answer(404, "Not here.")

    def log_message(self, *_: object) -> None:
        """Nothing: the code is in the address."""

    def _answer(self, status: int, page: str) -> None:
        content = page.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def make_app(
    *, name: str, github_url: str, organization: str | None, webhook_url: str, show: Callable[[str], None]
) -> Made:
    """Shows the page's address, and waits until somebody has made the App with it.

    Raises UpstreamError where nobody does within the hour, or GitHub does not hand the App out.
    """
    with _Server() as server:
        wanted = manifest(name, github_url, webhook_url, f"{server.url}/made")
        action = page_to_make_it(github_url, organization, server.state)
        server.page = _PAGE.format(action=escape(action), manifest=escape(json.dumps(wanted)))
        show(server.url)
        return _fetched(api_of(github_url), _code(server))


def _code(server: _Server) -> str:
    until = monotonic() + _PATIENCE_SECONDS
    while server.code is None:
        if monotonic() > until:
            raise UpstreamError("nobody made the GitHub App within an hour: begin again")
        server.handle_request()
    return server.code


def _fetched(api_url: str, code: str) -> Made:
    address = f"{api_url}/app-manifests/{quote(code, safe='')}/conversions"
    request = Request(address, data=b"", headers={"Accept": "application/vnd.github+json"})  # noqa: S310 # GitHub's
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 # … that the caller names
            made = _Conversion.model_validate_json(answer.read())
    except HTTPError as error:
        raise UpstreamError(f"GitHub answered {error.code} to the new App's code: begin again") from None
    except (URLError, TimeoutError) as error:
        raise UpstreamError(f"GitHub's API at {api_url} cannot be reached: {type(error).__name__}") from None
    except ValidationError:
        raise UpstreamError("GitHub's answer is no App with its key and its webhook's secret") from None
    return Made(app_id=made.id, private_key=made.pem, webhook_secret=made.webhook_secret, page=made.html_url)
