"""One stack per line of Airflow, on which the demo's story was told once; the tests look at what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dagbranch.domain.environments import Environment, Status
from local.certificates import Certificates
from local.demo import observation, story
from local.demo.repository import BRANCHES, REPOSITORY
from local.demo.story import Opened, Ran, Removed
from local.github import Pull, Repository
from local.processes import wait_until
from local.stack import LocalStack, local_stack
from local.warehouse.process import LocalWarehouse
from tests.e2e import lives, people, talks
from tests.e2e.lives import Lives, open_lives
from tests.e2e.people import PeoplePulls, open_people
from tests.fakes.package_index import LoopbackIndex, loopback_index

FILES_REPOSITORIES = ("zalando/few", "zalando/many")  # of test_pipeline_files.py
MOST_ENVIRONMENTS = len(BRANCHES)  # on Airflow 2: the story's own, and then the stack is full
_BROKEN = b"# airflow dag\nimport os\n\nos.environ['NO SUCH VARIABLE']\n"
_SETTLED = {Status.REFUSED, Status.FAILED, Status.READY}


@dataclass(frozen=True)
class Line:
    """The pull requests that came when the stack was full, and what they were told."""

    pulls: tuple[Pull, Pull]
    waiting: list[Environment]


@dataclass(frozen=True)
class Told:
    stack: LocalStack
    authority: Path
    hosted: dict[str, Repository]  # beside the story's own, with a README alone at first
    index: LoopbackIndex
    repository: Repository
    opened: dict[str, Opened]
    ran: Ran
    pushed: Opened
    removed: Removed
    people: PeoplePulls | None  # of test_data_environments.py, and still under way
    lives: Lives | None  # of test_life_cycle.py, likewise
    line: Line | None  # of test_waiting_line.py


# Airflow 3 first: some modules take that one alone, and pytest groups tests by the place in this list.
@pytest.fixture(scope="session", params=["3", "2"], ids=["airflow-3", "airflow-2"])
def told(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    certificates: Certificates,
    warehouse: LocalWarehouse,
) -> Iterator[Told]:
    _empty(warehouse)
    is_newest = request.param == "3"
    others = (*FILES_REPOSITORIES, people.REPOSITORY, lives.REPOSITORY, talks.REPOSITORY) if is_newest else ()
    limits = {} if is_newest else {"MostEnvironments": str(MOST_ENVIRONMENTS)}
    with (
        loopback_index(certificates) as index,
        local_stack(
            tmp_path_factory.mktemp(f"stack-{request.param}"),
            line=request.param,
            allowed_repositories=",".join([REPOSITORY, *others]),
            parameters={
                "PackageIndexUrl": index.url,
                "FollowBaseHour": _far_from_now(),
                "RemovalSettleSeconds": "30",  # of the double's sync and Airflow's scan, 10 s each
                **limits,
            },
            certificates=certificates,
            warehouse=warehouse,
            access="app" if is_newest else "token",
        ) as stack,
    ):
        repository = story.begin(stack)
        hosted = {name: stack.github.create_repository(name, {"README.md": b"# Pipelines\n"}) for name in others}
        opened = story.open_pull_requests(stack, repository, say=lambda _: None)
        with ThreadPoolExecutor() as acts:  # they wait more than they work, and have nothing to do with each other
            running = acts.submit(story.run, stack, "feature1")
            pushing = acts.submit(story.push, stack, repository, opened["feature2"])
            opening = acts.submit(open_people, stack, hosted[people.REPOSITORY]) if is_newest else None
            living = acts.submit(open_lives, hosted[lives.REPOSITORY]) if is_newest else None
            lining_up = None if is_newest else acts.submit(_line_up, stack, repository)
        yield Told(
            stack,
            certificates.authority,
            hosted,
            index,
            repository,
            opened,
            ran=running.result(),
            pushed=pushing.result(),
            removed=story.close_unheard(stack, repository, opened["feature1"]),
            people=opening.result() if opening else None,
            lives=living.result() if living else None,
            line=lining_up.result() if lining_up else None,
        )


def _empty(warehouse: LocalWarehouse) -> None:
    """Spark takes long to start, so the stacks share one, one after the other; what the last of them made goes."""
    for (schema,) in warehouse.query("SHOW SCHEMAS"):
        if schema.startswith(("db_attribution", "crm")):
            warehouse.query(f"DROP SCHEMA `{schema}` CASCADE")


def _line_up(stack: LocalStack, repository: Repository) -> Line:
    """Two more than there is room for, one after the other; the first has a module that cannot be imported."""
    pulls, waiting = [], []
    for branch, module in {"import-error": _BROKEN, "last-in-line": b"x = 1\n"}.items():
        repository.commit(branch, {"dags/qu/broken.py": module}, "One too many", start_from="main")
        pulls.append(repository.open_pull(branch, "One too many"))
        waiting.append(_waiting(stack, repository, pulls[-1]))
    return Line((pulls[0], pulls[1]), waiting)


def _waiting(stack: LocalStack, repository: Repository, pull: Pull) -> Environment:
    wait_until(
        lambda: observation.registered(stack, repository.id, pull.number) is not None,
        what=f"{pull.head_ref} is looked at",
        deadline_seconds=60,
    )
    found = observation.registered(stack, repository.id, pull.number)
    assert found is not None
    return found


def _far_from_now() -> str:
    """So that the hour of the daily comparison does not come while the tests run."""
    return str((datetime.now(UTC).hour + 12) % 24)


def settled(stack: LocalStack, repository: Repository, pull: Pull) -> Environment:
    """The registry's record as soon as nothing is under way any more."""

    def found() -> Environment | None:
        record = observation.registered(stack, repository.id, pull.number)
        return record if record is not None and record.status in _SETTLED else None

    wait_until(lambda: found() is not None, what=f"{pull.head_ref} is settled", deadline_seconds=240)
    record = found()
    assert record is not None
    return record
