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
from local.demo.repository import BRANCHES, RUN_DATE, make_base, make_repository, one_more_commit
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
class Removed:
    """What was left of the environment, and of the others."""

    environment: Environment
    seconds: float
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

    def all_ready() -> bool:
        for branch, pull in pulls.items():
            if branch not in listed and any(dag.is_active for dag in observation.dags(stack, branch)):
                listed[branch] = datetime.now().astimezone()
                say(f"{branch}: its DAGs are active in Airflow")
            if branch not in ready and _status(stack, repository, pull) == Status.READY:
                ready.add(branch)
                say(f"{branch}: ready")
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
    return _opened(stack, repository, opened.pull, datetime.now().astimezone())


def close_unheard(stack: LocalStack, repository: Repository, opened: Opened) -> Removed:
    """Closes the pull request while its webhook is lost; the sweep finds it."""
    opened.pull.close(deliver=False)
    started = time.monotonic()
    stack.sweep()

    def is_removed() -> bool:
        return _status(stack, repository, opened.pull) == Status.REMOVED

    wait_until(is_removed, what=f"the removal of {opened.name}", deadline_seconds=ENVIRONMENT_DEADLINE_SECONDS)
    environment = observation.registered(stack, repository.id, opened.pull.number)
    assert environment is not None
    return Removed(
        environment=environment,
        seconds=time.monotonic() - started,
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
        seconds=_seconds(stack, repository, pull, listed_at),
    )


def _seconds(stack: LocalStack, repository: Repository, pull: Pull, listed_at: datetime) -> dict[str, float]:
    """From the last webhook of this pull request to each step that followed it."""
    sent = [one.sent_at for one in stack.github.deliveries if one.payload.get("number") == pull.number and one.sent_at]
    since = max(sent)
    archives = observation.source_archives(stack, repository.full_name, pull.number)
    steps = [at for key, at in archives.items() if pull.head_sha in key]
    seconds = {"source archive": (max(steps) - since).total_seconds()} if steps else {}
    for at, event in observation.history(stack, repository.id, pull.number):
        for word, step in {"packaged": "zip in the bucket", "provisioned": "views made", "ready": "verified"}.items():
            if event.startswith(word) and at > since:
                seconds[step] = (at - since).total_seconds()
    return {**seconds, "active in Airflow": (listed_at - since).total_seconds()}


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
