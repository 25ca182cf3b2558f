"""Both halves stand → Airflow itself is asked, until it lists this commit's DAGs or says why it cannot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.airflow_listing import check_dag_id
from dagbranch.domain.environments import Environment, Suspects
from dagbranch.domain.life_cycle import ready, suspected
from dagbranch.domain.packaging import read_manifest
from dagbranch.domain.readiness import Readiness, judge_readiness
from dagbranch.domain.requests import EnvironmentEvent, EventKind, event_detail
from dagbranch.errors import NotYetError, SupersededError
from dagbranch.ports import Airflow, DagsBucket, EventBus, Registry, Telemetry
from dagbranch.use_cases.note_failure import note_failure

_ASK_AGAIN_SECONDS: Final = 5


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
    name = environment.claimed_name
    listed, failures = airflow.dags(name), airflow.import_failures()
    sources = read_manifest(dags.zip_content(name)).modules if failures else {}
    known = () if airflow.lists_let_go else environment.dag_ids
    readiness = judge_readiness(name, environment.pipeline, listed, failures, sources, now, patience, known)
    _drop(environment, readiness, registry, airflow, telemetry, now, deadline=environment.pipeline.at + patience)
    _conclude(environment, readiness, registry, bus, telemetry, now)


def _drop(
    environment: Environment,
    readiness: Readiness,
    registry: Registry,
    airflow: Airflow,
    telemetry: Telemetry,
    now: datetime,
    *,
    deadline: datetime,
) -> None:
    """Past the deadline Airflow does not parse the zip again: what is left is kept, and the sweep asks once more."""
    confirmed = readiness.confirmed(environment.suspects, environment.generation)
    for dag_id in confirmed or ():
        airflow.delete_dag(check_dag_id(dag_id))
        telemetry.info("deleted a DAG that the commit dropped", dag_id=dag_id)
    left = set(readiness.dropped) - set(confirmed or ())
    if not left or now > deadline:
        return
    if confirmed is None and readiness.parsed_at is not None:
        suspects = Suspects(environment.generation, readiness.parsed_at, readiness.dropped)
        if environment.suspects is None or environment.suspects.generation != environment.generation:
            registry.update(environment, lambda newest: suspected(newest, suspects, now), event="")
    raise NotYetError(f"Airflow still lists {', '.join(sorted(left))}", retry_seconds=_ASK_AGAIN_SECONDS)


def _conclude(
    environment: Environment,
    readiness: Readiness,
    registry: Registry,
    bus: EventBus,
    telemetry: Telemetry,
    now: datetime,
) -> None:
    if readiness.failures:
        note_failure(
            environment,
            "failed in Airflow",
            "; ".join(readiness.failures),
            registry=registry,
            bus=bus,
            telemetry=telemetry,
            now=now,
            dag_ids=readiness.dag_ids,
        )
        return
    noted = registry.update(
        environment, lambda newest: ready(newest, environment.generation, readiness.dag_ids, now), event="ready"
    )
    bus.publish(EventKind.READY, event_detail(noted, now, dag_ids=readiness.dag_ids))
    telemetry.info("ready", dag_ids=readiness.dag_ids)
    telemetry.count("EnvironmentReady")
    telemetry.seconds("RequestToReady", (now - environment.requested_at).total_seconds())
