"""The demo's acts. Each does something, waits for what has to follow, and returns what was seen.

``expect`` ends the story at the first thing that is not as it should be; the end-to-end tests assert the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import commit_tag
from local.demo import observation
from local.demo.dag_runs import trigger
from local.demo.observation import Dag
from local.demo.pull_request_page import Page, page_of
from local.demo.repository import (
    BRANCHES,
    RUN_DATE,
    STRANGER,
    make_base,
    make_repository,
    offer_a_change,
    one_more_commit,
)
from local.demo.step_times import seconds_of_steps
from local.github import Pull, Repository
from local.processes import wait_until
from local.stack import LocalStack

ENVIRONMENT_DEADLINE_SECONDS = 240


class StoryError(AssertionError):
    """Something is not as it should be."""


@dataclass(frozen=True)
class Opened:
    """One environment as it stood when it became ready; ``seconds`` since the webhook was sent, by step."""

    name: str
    pull: Pull
    head_sha: str
    environment: Environment
    dags: list[Dag]
    schemas: dict[str, dict[str, str]]
    job_code: dict[str, dict[str, str]]
    page: Page
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ran:
    dag_id: str
    state: str
    seconds: float
    rows: list[tuple[Any, ...]]
    seeded: list[tuple[Any, ...]]
    elsewhere: dict[str, list[tuple[Any, ...]]]
    budget: str | None  # what its job code printed


@dataclass(frozen=True)
class Offered:
    """What was made of a fork's commit that nobody has approved."""

    pull: Pull
    environment: Environment
    seconds: float
    page: Page
    source_archives: dict[str, datetime]


@dataclass(frozen=True)
class Removed:
    """What was left of the environment, and of the others."""

    environment: Environment
    seconds: float
    page: Page
    dags: list[Dag]
    objects: list[str]
    source_archives: dict[str, datetime]
    schemas: dict[str, dict[str, str]]
    claims: list[str]
    others: dict[str, list[Dag]]


def begin(stack: LocalStack) -> Repository:
    make_base(stack.warehouse)
    return make_repository(stack.github)


def open_pull_requests(stack: LocalStack, repository: Repository, say: Callable[[str], None]) -> dict[str, Opened]:
    """Three pull requests at once, each until its environment is ready."""
    pulls = {branch: repository.open_pull(branch, f"What {branch} is about") for branch in BRANCHES}
    listed: dict[str, datetime] = {}
    ready: set[str] = set()
    told: dict[str, str] = {}

    def all_ready() -> bool:
        for branch, pull in pulls.items():
            if branch not in listed and any(dag.is_active for dag in observation.dags(stack, branch)):
                listed[branch] = datetime.now().astimezone()
                say(f"{branch}: its DAGs are active in Airflow")
            page = page_of(stack, pull)
            if page.comments and told.get(branch) != page.headline:
                told[branch] = page.headline
                say(f"{branch}, on its pull request: {page.headline}")
            if _status(stack, repository, pull) == Status.READY and page.is_told_ready:
                ready.add(branch)
        return len(ready) == len(listed) == len(pulls)

    wait_until(all_ready, what="three environments", deadline_seconds=ENVIRONMENT_DEADLINE_SECONDS, every_seconds=0.5)
    return {branch: _opened(stack, repository, pull, listed[branch]) for branch, pull in pulls.items()}


def run(stack: LocalStack, environment: str) -> Ran:
    """``test_dag`` of one environment to its end; what it wrote there and what stands elsewhere."""
    dag_id, started = f"qu.{environment}.test_dag", time.monotonic()
    dag_run = trigger(stack, dag_id)
    state = dag_run.wait()
    others = [branch for branch in BRANCHES if branch != environment]
    return Ran(
        dag_id=dag_id,
        state=state,
        seconds=time.monotonic() - started,
        rows=_roi(stack, f"db_attribution_{environment}", f'date = "{RUN_DATE}"'),
        seeded=_roi(stack, f"db_attribution_{environment}", f'date < "{RUN_DATE}"'),
        elsewhere={
            schema: _roi(stack, schema, f'date = "{RUN_DATE}"')
            for schema in ["db_attribution_test", *(f"db_attribution_{other}" for other in others)]
        },
        budget=dag_run.returned("budget"),
    )


def push(stack: LocalStack, repository: Repository, opened: Opened) -> Opened:
    """A new commit, until Airflow runs it."""
    sha = one_more_commit(opened.pull)

    def redeployed() -> bool:
        found = observation.registered(stack, repository.id, opened.pull.number)
        return found is not None and found.status == Status.READY and found.head_sha == sha

    wait_until(redeployed, what=f"{opened.name} at {sha[:7]}", deadline_seconds=ENVIRONMENT_DEADLINE_SECONDS)
    listed_at = datetime.now().astimezone()
    wait_until(
        lambda: page_of(stack, opened.pull).is_told_ready,
        what=f"{opened.name} at {sha[:7]} is told",
        deadline_seconds=ENVIRONMENT_DEADLINE_SECONDS,
    )
    return _opened(stack, repository, opened.pull, listed_at)


def offer(stack: LocalStack, repository: Repository) -> Offered:
    """A stranger's pull request from a fork, until it is told how it would be deployed."""
    fork = repository.fork(STRANGER)
    offer_a_change(fork)
    pull = repository.open_pull("offer", "An offer", head_repository=fork)
    seconds = wait_until(
        lambda: page_of(stack, pull).outcome == "neutral",
        what="the fork's pull request is told",
        deadline_seconds=ENVIRONMENT_DEADLINE_SECONDS,
    )
    environment = observation.registered(stack, repository.id, pull.number)
    assert environment is not None
    archives = observation.source_archives(stack, repository.full_name, pull.number)
    return Offered(pull, environment, seconds, page_of(stack, pull), archives)


def close_unheard(stack: LocalStack, repository: Repository, opened: Opened) -> Removed:
    """Closes the pull request while its webhook is lost; the sweep finds it."""
    opened.pull.close(deliver=False)
    started = time.monotonic()
    stack.sweep()

    def is_removed() -> bool:
        return _status(stack, repository, opened.pull) == Status.REMOVED

    def is_told() -> bool:
        page = page_of(stack, opened.pull)
        return "is removed" in page.headline and not any(one.state != "inactive" for one in page.deployments)

    wait_until(is_removed, what=f"the removal of {opened.name}", deadline_seconds=ENVIRONMENT_DEADLINE_SECONDS)
    seconds = time.monotonic() - started
    wait_until(is_told, what=f"the removal of {opened.name} is told", deadline_seconds=ENVIRONMENT_DEADLINE_SECONDS)
    environment = observation.registered(stack, repository.id, opened.pull.number)
    assert environment is not None
    return Removed(
        environment=environment,
        seconds=seconds,
        page=page_of(stack, opened.pull),
        dags=observation.dags(stack, opened.name),
        objects=observation.objects(stack, opened.name),
        source_archives=observation.source_archives(stack, repository.full_name, opened.pull.number),
        schemas=observation.schemas(stack, opened.name),
        claims=observation.claims(stack),
        others={branch: observation.dags(stack, branch) for branch in BRANCHES if branch != opened.name},
    )


def expect(condition: bool, what: str) -> None:  # noqa: FBT001 # it reads as the sentence that it is
    if not condition:
        raise StoryError(f"not as it should be: {what}")


def _opened(stack: LocalStack, repository: Repository, pull: Pull, listed_at: datetime) -> Opened:
    environment = observation.registered(stack, repository.id, pull.number)
    assert environment is not None
    assert environment.name is not None
    expect(
        any(commit_tag(pull.head_sha) in dag.tags for dag in observation.dags(stack, environment.name)),
        f"Airflow lists {environment.name} at {pull.head_sha[:7]}",
    )
    return Opened(
        name=environment.name,
        pull=pull,
        head_sha=pull.head_sha,
        environment=environment,
        dags=observation.dags(stack, environment.name),
        schemas=observation.schemas(stack, environment.name),
        job_code=observation.job_code(stack, environment.name),
        page=page_of(stack, pull),
        seconds=seconds_of_steps(stack, repository, pull, listed_at),
    )


def _status(stack: LocalStack, repository: Repository, pull: Pull) -> Status | None:
    """The status; a failure ends the story at once, with the words that the author of the pull request gets."""
    environment = observation.registered(stack, repository.id, pull.number)
    expect(
        environment is None or environment.status != Status.FAILED,
        f"{pull.head_ref}: {environment.message if environment else ''}",
    )
    return None if environment is None else environment.status


def _roi(stack: LocalStack, schema: str, where: str) -> list[tuple[Any, ...]]:
    query = f"SELECT channel, ROUND(roi, 2), CAST(date AS STRING) FROM {schema}.m_roi WHERE {where} ORDER BY ALL"
    return stack.warehouse.query(query)
