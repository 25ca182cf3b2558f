"""One stack per line of Airflow, on which the demo's story was told once; the tests look at what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local.demo import story
from local.demo.repository import REPOSITORY
from local.demo.story import Opened, Ran, Removed
from local.github import Repository
from local.stack import LocalStack, local_stack


@dataclass(frozen=True)
class Told:
    stack: LocalStack
    repository: Repository
    opened: dict[str, Opened]
    ran: Ran
    pushed: Opened
    removed: Removed


@pytest.fixture(scope="session", params=["2", "3"], ids=["airflow-2", "airflow-3"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp(f"stack-{request.param}")
    with local_stack(folder, line=request.param, allowed_repositories=REPOSITORY) as stack:
        repository = story.begin(stack)
        opened = story.open_pull_requests(stack, repository, say=lambda _: None)
        yield Told(
            stack,
            repository,
            opened,
            ran=story.run(stack, "feature1"),
            pushed=story.push(stack, repository, opened["feature2"]),
            removed=story.close_unheard(stack, repository, opened["feature1"]),
        )
