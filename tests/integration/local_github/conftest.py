"""A double with one repository, one pull request, a receiver of its webhooks and a client of its API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from github import (
    Github,
)

from local.github import LocalGitHub, Pull, Repository
from tests.integration.local_github.receiver import Receiver
from tests.integration.local_github.world import FILES, SECRET, TOKEN, client_of


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
    with LocalGitHub(tmp_path / "github", webhook_secret=SECRET, token=TOKEN) as running:
        running.deliver_to = receiver.url
        yield running


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
