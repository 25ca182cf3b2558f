"""Both halves stand → Airflow itself is asked, until it lists this commit's DAGs or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.airflow_listing import ImportFailure, ListedDag, check_dag_id, dags_of
from dagbranch.domain.environments import Environment, Half, Status, Suspects
from dagbranch.domain.facts import with_left, with_listed
from dagbranch.domain.life_cycle import also_listed, ready, suspected
from dagbranch.domain.naming import commit_tag
from dagbranch.domain.packaging import NO_MANIFEST, Manifest, read_manifest
from dagbranch.domain.readiness import Readiness, judge_readiness
from dagbranch.domain.requests import EnvironmentEvent, EventKind, event_detail
from dagbranch.errors import NotYetError, StillRunningError, SupersededError
from dagbranch.ports import Airflow, DagsBucket, EventBus, Registry, Telemetry
from dagbranch.use_cases.note_failure import note_failure

_ASK_AGAIN_SECONDS: Final = 5
_WHILE_TASKS_RUN_SECONDS: Final = 30


def verify_environment(
    event: EnvironmentEvent,
    *,
    patience: timedelta,
    registry: Registry,
    airflow: Airflow,
    dags: DagsBucket,
    bus: EventBus,
    telemetry: Telemetry,
    now: datetime,
) -> None:
    """Raises NotYetError while Airflow has not parsed this commit, or lists DAGs that this commit dropped.

    Those are deleted at the second parse that leaves them out. An environment that is ready is looked at again.
    """
    telemetry.about(repository=event.repository, pull_number=event.pull_number, head_sha=event.head_sha)
    environment = registry.get(event.repository_id, event.pull_number)
    if environment is None or environment.generation != event.generation or not environment.is_live:
        raise SupersededError("a newer request has come meanwhile")
    telemetry.about(environment=environment.name, head_sha=environment.head_sha)
    if not environment.halves_agree or environment.pipeline is None:
        telemetry.info("the other half is still to come")
        return
    asked_at = max(environment.pipeline.at, event.at)
    # What has failed in Airflow has had its time: it is looked at once.
    deadline = (environment.pipeline.at if environment.status == Status.FAILED else asked_at) + patience
    look = _look(environment, airflow, dags)
    readiness = _judge(environment, environment.pipeline, look, airflow, now, patience, asked_at, deadline)
    left = _drop(environment, readiness, registry, airflow, telemetry, now, deadline)
    if _is_news(environment, readiness, left, event):
        facts = _facts(environment, readiness, left, look, airflow, dags)
        _conclude(environment, readiness, facts, registry, bus, telemetry, now)
    else:
        telemetry.info("nothing has changed", status=environment.status)


@dataclass(frozen=True)
class _Look:
    """What Airflow says of the environment; ``manifest``: its zip's, where there is an error to tell."""

    listed: Sequence[ListedDag]
    failures: Sequence[ImportFailure]
    manifest: Manifest


type _Facts = Callable[[Environment], Environment]  # notes them in the record


def _look(environment: Environment, airflow: Airflow, dags: DagsBucket) -> _Look:
    name = environment.claimed_name
    listed, failures = airflow.dags(name), airflow.import_failures()
    is_broken = any(failure.zip_name == name for failure in failures)
    return _Look(listed, failures, read_manifest(dags.zip_content(name)) if is_broken else NO_MANIFEST)


def _facts(
    environment: Environment,
    readiness: Readiness,
    left: Sequence[str],
    look: _Look,
    airflow: Airflow,
    dags: DagsBucket,
) -> _Facts:
    """Where the DAGs are defined, where people look at them, and what is ``left`` of an older commit."""
    name, pipeline, manifest, pages = environment.claimed_name, environment.pipeline, look.manifest, airflow.pages()
    current = [dag for dag in dags_of(name, look.listed) if pipeline and commit_tag(pipeline.head_sha) in dag.tags]
    if current and manifest is NO_MANIFEST:
        manifest = read_manifest(dags.zip_content(name))
    suspects = Suspects(environment.generation, readiness.parsed_at, tuple(left)) if readiness.parsed_at else None
    return lambda noted: with_left(with_listed(noted, current, manifest, pages), suspects if left else None)


def _judge(
    environment: Environment,
    pipeline: Half,
    look: _Look,
    airflow: Airflow,
    now: datetime,
    patience: timedelta,
    asked_at: datetime,
    deadline: datetime,
) -> Readiness:
    is_of_this_request = environment.verified_generation == environment.generation
    return judge_readiness(
        environment.claimed_name,
        pipeline,
        look.listed,
        look.failures,
        look.manifest,
        now,
        patience,
        asked_at=asked_at,
        deadline=deadline,
        known=() if airflow.lists_let_go else environment.dag_ids,
        expected=environment.dag_ids if is_of_this_request else (),
    )


def _is_news(environment: Environment, readiness: Readiness, left: Sequence[str], event: EnvironmentEvent) -> bool:
    """Whether it differs from what was on record before this was asked for.

    What was noted since may be this message's own work, told to nobody because that broke off: it is told again.
    """
    if environment.updated_at >= event.at:
        return True
    if readiness.failures:
        return not environment.failed_in_airflow or environment.message != _in_words(readiness)
    told_of_left = environment.suspects is not None and environment.status == Status.READY
    return (
        environment.status != Status.READY
        or set(environment.dag_ids) != set(readiness.dag_ids)
        or told_of_left != bool(left)
    )


def _in_words(readiness: Readiness) -> str:
    return "\n".join(readiness.failures)


def _drop(
    environment: Environment,
    readiness: Readiness,
    registry: Registry,
    airflow: Airflow,
    telemetry: Telemetry,
    now: datetime,
    deadline: datetime,
) -> Sequence[str]:
    """What is left past the deadline is kept for the sweep to ask about, where it sees it: its tasks run, perhaps."""
    confirmed = readiness.confirmed(environment.suspects, environment.generation)
    running = [dag_id for dag_id in confirmed or () if not _is_deleted(dag_id, airflow, telemetry)]
    left = {*readiness.dropped, *running} - ({*(confirmed or ())} - {*running})
    if not left or (now > deadline and airflow.lists_let_go):
        return sorted(left)
    if confirmed is None and readiness.parsed_at is not None:
        suspects = Suspects(environment.generation, readiness.parsed_at, readiness.dropped)
        if environment.suspects is None or environment.suspects.generation != environment.generation:
            registry.update(environment, lambda newest: suspected(newest, suspects, now), event="")
    seconds = _WHILE_TASKS_RUN_SECONDS if running else _ASK_AGAIN_SECONDS
    raise NotYetError(f"Airflow still lists {', '.join(sorted(left))}", retry_seconds=seconds)


def _is_deleted(dag_id: str, airflow: Airflow, telemetry: Telemetry) -> bool:
    """One whose tasks run keeps none of the others."""
    try:
        airflow.delete_dag(check_dag_id(dag_id))
    except StillRunningError:
        return False
    telemetry.info("deleted a DAG that the commit dropped", dag_id=dag_id)
    return True


def _conclude(
    environment: Environment,
    readiness: Readiness,
    facts: _Facts,
    registry: Registry,
    bus: EventBus,
    telemetry: Telemetry,
    now: datetime,
) -> None:
    if readiness.failures:
        note_failure(
            environment,
            "failed in Airflow",
            _in_words(readiness),
            registry=registry,
            bus=bus,
            telemetry=telemetry,
            now=now,
            in_airflow=True,
            settle=lambda noted: facts(also_listed(noted, readiness.dag_ids)),
            dag_ids=readiness.dag_ids,
        )
        return
    noted = registry.update(
        environment, lambda newest: facts(ready(newest, environment.generation, readiness.dag_ids, now)), event="ready"
    )
    bus.publish(EventKind.READY, event_detail(noted, now, dag_ids=readiness.dag_ids))
    telemetry.info("ready", dag_ids=readiness.dag_ids)
    if environment.ready_at is None:
        telemetry.count("EnvironmentReady")
        telemetry.seconds("RequestToReady", (now - environment.requested_at).total_seconds())
