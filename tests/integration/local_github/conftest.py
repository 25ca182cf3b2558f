"""A double with one repository, one pull request, a receiver of its webhooks and a client of its API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from github import (
    Github,
)

from local.github import GitHubApp, LocalGitHub, Pull, Repository
from local.github.published_schemas import faults_answered, faults_delivered
from local.github.rest.exchanges import Exchange
from tests.integration.local_github.receiver import Receiver
from tests.integration.local_github.world import FILES, SECRET, TOKEN, client_of, client_of_app


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.may_answer.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def double(tmp_path: Path, receiver: Receiver) -> Iterator[LocalGitHub]:
    """Whatever a test does with it, every answer and every webhook has to be valid by GitHub's published schemas."""
    with LocalGitHub(tmp_path / "github", webhook_secret=SECRET, token=TOKEN) as running:
        running.deliver_to = receiver.url
        exchanges: list[Exchange] = []
        running.site.exchanges = exchanges
        yield running
        assert faults_answered(exchanges) == []
        assert faults_delivered(running.deliveries) == []


@pytest.fixture
def repository(double: LocalGitHub) -> Repository:
    return double.create_repository("acme/pipelines", FILES)


@pytest.fixture
def pull(repository: Repository) -> Pull:
    repository.commit("feature1", {"dags/qu/query.sql": b"SELECT 2\n"}, "Ask for more")
    return repository.open_pull("feature1", "More")


@pytest.fixture
def client(double: LocalGitHub) -> Iterator[Github]:
    with client_of(double) as made:
        yield made


@pytest.fixture
def app(double: LocalGitHub, repository: Repository) -> GitHubApp:
    """An App that is installed for the repository alone, with all that it asks for."""
    made = double.create_app("acme")
    made.install("acme", repository)
    return made


@pytest.fixture
def app_client(double: LocalGitHub, app: GitHubApp) -> Iterator[Github]:
    with client_of_app(double, app) as made:
        yield made
