"""The command that makes the GitHub App, with a browser's part played on loopback, and GitHub's by a small server."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dagbranch.cli import main
from dagbranch.domain.github_app import EVENTS, PERMISSIONS
from local.processes import wait_until

ROOT = Path(__file__).parents[2]
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
CODE = "a180b1a3d263c81bc6441d7b990bae27d4c10679"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        known = self.path == f"/api/v3/app-manifests/{CODE}/conversions"
        page = f"http://127.0.0.1:{self.server.server_port}/github-apps/dagbranch"  # type: ignore[attr-defined] # HTTPServer's
        told = {"id": 7, "slug": "dagbranch", "pem": PEM, "webhook_secret": "e340154128314309424b7c8e90325147"}
        content = json.dumps({**told, "html_url": page} if known else {"message": "Not Found"}).encode()
        self.send_response(201 if known else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def github() -> Iterator[str]:
    """The address of an Enterprise Server, as far as it hands out new Apps."""
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass(frozen=True)
class Command:
    """The command at work until a browser comes back; ``folder`` is where its files go."""

    github: str
    folder: Path
    process: subprocess.Popen[bytes]
    told: Path

    @property
    def page(self) -> str:
        def address() -> re.Match[str] | None:
            return re.search(r"open (http://127\.0\.0\.1:\d+) ", self.told.read_text())

        wait_until(lambda: address() is not None, what="the page's address", deadline_seconds=20)
        found = address()
        assert found is not None
        return found[1]

    def come_back(self, **parameters: str) -> int:
        try:
            with urllib.request.urlopen(f"{self.page}/made?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture
def command(github: str, tmp_path: Path) -> Iterator[Command]:
    told, folder = tmp_path / "told.txt", tmp_path / "secrets"
    folder.mkdir()
    given = ["--webhook-url", "https://hook.example/", "--organization", "acme", "--github-url", github]
    line = [sys.executable, "-m", "dagbranch.cli", "app", *given, "--output", str(folder)]
    environment = {"PYTHONPATH": str(ROOT / "layers" / "dagbranch")}
    with told.open("wb") as output, subprocess.Popen(line, stdout=output, stderr=output, env=environment) as process:
        yield Command(github, folder, process, told)
        process.kill()


def posted(page: str) -> tuple[str, dict[str, object]]:
    """The address that the page's form is posted to, and the manifest in it."""
    with urllib.request.urlopen(page, timeout=20) as answer:
        shown = answer.read().decode()
    (action,) = re.findall(r'action="([^"]*)"', shown)
    (manifest,) = re.findall(r'name="manifest" value="([^"]*)"', shown)
    return html.unescape(action), json.loads(html.unescape(manifest))


def test_an_app_is_made_with_the_exact_permissions_and_events_and_its_secrets_are_kept_for_oneself(
    command: Command,
) -> None:
    action, manifest = posted(command.page)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(action).query)

    assert command.come_back(code=CODE, state=query["state"][0]) == 200

    assert command.process.wait(20) == 0
    assert action.startswith(f"{command.github}/organizations/acme/settings/apps/new?")
    assert manifest["redirect_url"] == f"{command.page}/made"
    assert (manifest["default_permissions"], manifest["default_events"]) == (dict(PERMISSIONS), list(EVENTS))
    app, secret = command.folder / "github-app.json", command.folder / "webhook-secret.txt"
    assert json.loads(app.read_text()) == {"app_id": 7, "private_key": PEM}
    assert secret.read_text() == "e340154128314309424b7c8e90325147"
    assert {file.stat().st_mode & 0o777 for file in (app, secret)} == {0o600}


def test_who_comes_with_another_state_is_not_believed_and_a_code_that_github_does_not_know_leaves_nothing(
    command: Command,
) -> None:
    action, _ = posted(command.page)
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(action).query)["state"][0]

    assert command.come_back(code=CODE, state="somebody-elses") == 404
    assert command.process.poll() is None
    assert command.come_back(code="spent", state=state) == 200

    assert command.process.wait(20) == 2
    assert list(command.folder.iterdir()) == []
    assert "GitHub answered 404" in command.told.read_text()


def test_secrets_that_lie_there_already_are_not_overwritten(tmp_path: Path, github: str) -> None:
    (tmp_path / "webhook-secret.txt").write_text("the last App's")

    assert main(["app", "--webhook-url", "https://hook.example/", "--output", str(tmp_path)]) == 2

    assert [file.name for file in tmp_path.iterdir()] == ["webhook-secret.txt"]
    assert (tmp_path / "webhook-secret.txt").read_text() == "the last App's"
