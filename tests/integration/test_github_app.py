"""A GitHub App at the double: tokens of one repository with one function's rights, minted when they are needed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3

from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.adapters.github_credentials import PULL_REQUESTS, REPORTS, SOURCES, GitHubCredentials, Permissions
from dagbranch.errors import TransientUpstreamError, UpstreamError
from local.github import LocalGitHub, Repository
from local.github.github_app import GitHubApp
from local.github.published_schemas import faults_answered, faults_sent
from local.github.rest.exchanges import Exchange

REPOSITORY = "acme/pipelines"
LONG, SHORT = 3600.0, 290.0  # seconds; of the second, less is left than what is begun with a token may take


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalGitHub]:
    """Whatever is asked of it and answered has to be valid by GitHub's published schemas."""
    with LocalGitHub(tmp_path / "github", webhook_secret="made-up", token="made-up-token") as running:
        exchanges: list[Exchange] = []
        running.site.exchanges = exchanges
        yield running
        assert faults_sent(exchanges) == []
        assert faults_answered(exchanges) == []


@pytest.fixture
def repository(local: LocalGitHub) -> Repository:
    return local.create_repository(REPOSITORY, {"README.md": b"pipelines"})


@pytest.fixture
def app(local: LocalGitHub) -> GitHubApp:
    return local.create_app("acme")


def secret_of(app: GitHubApp) -> str:
    return json.dumps({"app_id": app.app_id, "private_key": app.private_key})


def github_of(local: LocalGitHub, app: GitHubApp, permissions: Permissions = SOURCES) -> PyGithubGitHub:
    return PyGithubGitHub(local.url, secret_of(app), permissions)


def test_a_token_reaches_one_repository_and_does_what_the_function_needs(
    local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    other = local.create_repository("acme/other", {"README.md": b"other"})
    app.install("acme")
    github = github_of(local, app)

    found = github.file(REPOSITORY, "refs/heads/main", "README.md")

    assert found == b"pipelines"
    (token,) = app.tokens
    assert token.repository_ids == frozenset({repository.id})
    assert other.id not in token.repository_ids
    assert token.permissions == {"metadata": "read", "contents": "read", "pull_requests": "read"}


def test_a_token_serves_until_shortly_before_its_end_for_every_message_that_a_process_works_on(
    local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    app.install("acme")

    for _ in range(2):
        github = github_of(local, app)
        for _ in range(3):
            github.open_pull_requests(REPOSITORY)
    kept = len(app.tokens)
    local.site.state.apps.token_lifetime_seconds = SHORT
    github_of(local, app, PULL_REQUESTS).open_pull_requests(REPOSITORY)
    github_of(local, app, PULL_REQUESTS).open_pull_requests(REPOSITORY)

    assert kept == 1
    assert len(app.tokens) == 3, "the ones that would end meanwhile are not kept"


def test_each_repository_and_each_set_of_permissions_has_a_token_of_its_own(
    local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    local.create_repository("acme/other", {"README.md": b"other"})
    app.install("acme")

    for permissions in (SOURCES, PULL_REQUESTS):
        for name in (REPOSITORY, "acme/other", "ACME/Pipelines"):
            github_of(local, app, permissions).open_pull_requests(name)

    assert len(app.tokens) == 4


def test_what_the_app_was_not_granted_is_not_asked_for_and_refused_where_it_is_needed(
    local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    app.install("acme", permissions={"metadata": "read", "pull_requests": "read", "statuses": "write"})
    github = github_of(local, app, {**REPORTS, **SOURCES, "pull_requests": "write"})

    assert github.open_pull_requests(REPOSITORY) == []
    assert app.tokens[0].permissions == {"metadata": "read", "pull_requests": "read", "statuses": "write"}
    with pytest.raises(UpstreamError, match="403 Resource not accessible by integration") as error:
        github.file(REPOSITORY, "refs/heads/main", "README.md")
    assert not isinstance(error.value, TransientUpstreamError)


def test_the_installation_is_told_as_it_is_now(local: LocalGitHub, repository: Repository, app: GitHubApp) -> None:
    first = app.install("acme")
    github = github_of(local, app)
    assert github.installation(REPOSITORY) == first

    app.uninstall(first)
    second = app.install("acme")

    assert github.installation(REPOSITORY) == second != first


def test_where_the_app_is_not_installed_there_is_nothing(
    local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    other = local.create_repository("acme/other", {"README.md": b"other"})
    app.install("acme", other)
    github = github_of(local, app)

    assert github.pull_request(REPOSITORY, 1) is None
    with pytest.raises(UpstreamError, match=f"404 Not Found: the GitHub App is not installed on {REPOSITORY}"):
        github.open_pull_requests(REPOSITORY)
    with pytest.raises(UpstreamError, match="not installed"):
        github.installation(REPOSITORY)


def test_a_token_that_was_revoked_is_minted_anew_at_the_next_try(
    local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    app.install("acme")
    github = github_of(local, app)
    github.open_pull_requests(REPOSITORY)
    local.site.state.apps.issued.clear()

    with pytest.raises(TransientUpstreamError, match="no longer knows"):
        github.open_pull_requests(REPOSITORY)

    assert github.open_pull_requests(REPOSITORY) == []
    assert len(app.tokens) == 1


def test_a_suspended_installation_and_a_key_that_is_not_the_apps_are_refused_for_good(
    local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    stranger = local.create_app("acme", slug="another")
    wrong_key = json.dumps({"app_id": app.app_id, "private_key": stranger.private_key})
    no_app = json.dumps({"app_id": 1, "private_key": app.private_key})
    app.suspend(app.install("acme"))

    for secret, told in ((secret_of(app), "suspended"), (wrong_key, "could not be decoded"), (no_app, "no App 1")):
        github = PyGithubGitHub(local.url, secret)
        for call in (lambda: github.pull_request(REPOSITORY, 1), lambda: github.open_pull_requests(REPOSITORY)):  # noqa: B023 # called at once
            with pytest.raises(UpstreamError, match=told) as error:
                call()
            assert not isinstance(error.value, TransientUpstreamError)
            assert app.private_key[60:90] not in str(error.value)


def test_an_outage_while_a_token_is_minted_passes(local: LocalGitHub, repository: Repository, app: GitHubApp) -> None:
    app.install("acme")
    local.site.outage_status = 502

    with pytest.raises(TransientUpstreamError, match="502"):
        github_of(local, app).pull_request(REPOSITORY, 1)


def test_an_app_speaks_as_its_bot_and_a_token_as_its_owner(
    local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    app.install("acme")
    by_app = GitHubCredentials(local.url, secret_of(app), PULL_REQUESTS)
    by_token = GitHubCredentials(local.url, local.site.token, PULL_REQUESTS)

    assert (by_app.author(REPOSITORY), by_app.app_id(REPOSITORY)) == ("dagbranch[bot]", app.app_id)
    assert (by_token.author(REPOSITORY), by_token.app_id(REPOSITORY)) == (local.site.token_owner, None)


def test_an_enterprise_server_is_asked_below_its_prefix(tmp_path: Path) -> None:
    with LocalGitHub(tmp_path / "github", webhook_secret="made-up", token="made-up", api_prefix="/api/v3") as local:
        local.create_repository(REPOSITORY, {"README.md": b"pipelines"})
        app = local.create_app("acme")
        installation = app.install("acme")

        assert local.url.endswith("/api/v3")
        assert github_of(local, app).installation(REPOSITORY) == installation
        assert github_of(local, app).open_pull_requests(REPOSITORY) == []


class Renamed(ThreadingHTTPServer):
    """Leads from the earlier name of the repository to the one that the double has."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Renamed

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/repos/acme/earlier"):
            location = self.server.url + self.path.replace("acme/earlier", REPOSITORY)
            self._answer(301, b'{"message": "Moved Permanently"}', {"Location": location})
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        answer = urllib3.request(self.command, self.server.upstream + self.path, body=body, headers=headers)
        self._answer(answer.status, answer.data, {})

    do_POST = do_GET  # noqa: N815 # the name that http.server looks for

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
        pass


def test_a_repository_is_reached_by_the_name_that_it_had_before(
    local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    app.install("acme")
    repository.commit("feature1", {"dags/a.py": b"import airflow"}, "A DAG")
    pull = repository.open_pull("feature1", "A pull request")

    with Renamed(local.url) as renamed:
        thread = threading.Thread(target=renamed.serve_forever, args=(0.05,))
        thread.start()
        found = PyGithubGitHub(renamed.url, secret_of(app)).pull_request("acme/earlier", pull.number)
        renamed.shutdown()
        thread.join()

    assert found is not None
    assert found.repository == REPOSITORY
    finder, token = app.tokens
    assert finder.permissions == {"metadata": "read"}
    assert token.repository_ids == frozenset({repository.id})
