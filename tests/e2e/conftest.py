"""One stack per line of Airflow, on which the demo's story was told once; the tests look at what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from dagbranch.domain.environments import Environment, Status
from local.certificates import make_certificates
from local.demo import observation, story
from local.demo.repository import REPOSITORY
from local.demo.story import Opened, Ran, Removed
from local.github import Pull, Repository
from local.processes import wait_until
from local.stack import LocalStack, local_stack
from tests.fakes.package_index import LoopbackIndex, loopback_index

FILES_REPOSITORIES = ("zalando/few", "zalando/many")  # of test_pipeline_files.py
_SETTLED = {Status.REFUSED, Status.FAILED, Status.READY}


@dataclass(frozen=True)
class Told:
    stack: LocalStack
    index: LoopbackIndex
    repository: Repository
    opened: dict[str, Opened]
    ran: Ran
    pushed: Opened
    removed: Removed


# Airflow 3 first: test_pipeline_files.py takes that one alone, and pytest groups tests by the place in this list.
@pytest.fixture(scope="session", params=["3", "2"], ids=["airflow-3", "airflow-2"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp(f"stack-{request.param}")
    certificates = make_certificates(folder / "certificates")
    with (
        loopback_index(certificates) as index,
        local_stack(
            folder,
            line=request.param,
            allowed_repositories=",".join([REPOSITORY, *FILES_REPOSITORIES]),
            parameters={"PackageIndexUrl": index.url},
            certificates=certificates,
        ) as stack,
    ):
        repository = story.begin(stack)
        opened = story.open_pull_requests(stack, repository, say=lambda _: None)
        yield Told(
            stack,
            index,
            repository,
            opened,
            ran=story.run(stack, "feature1"),
            pushed=story.push(stack, repository, opened["feature2"]),
            removed=story.close_unheard(stack, repository, opened["feature1"]),
        )


def settled(stack: LocalStack, repository: Repository, pull: Pull) -> Environment:
    """The registry's record as soon as nothing is under way any more."""

    def found() -> Environment | None:
        record = observation.registered(stack, repository.id, pull.number)
        return record if record is not None and record.status in _SETTLED else None

    wait_until(lambda: found() is not None, what=f"{pull.head_ref} is settled", deadline_seconds=180)
    record = found()
    assert record is not None
    return record
