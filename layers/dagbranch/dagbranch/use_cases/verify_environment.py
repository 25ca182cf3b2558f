"""Both halves stand → Airflow itself is asked, until it lists this commit's DAGs or says why it cannot."""

from __future__ import annotations

from datetime import datetime, timedelta

from dagbranch.domain.airflow_listing import Readiness, check_dag_id, judge_readiness
from dagbranch.domain.environments import Environment, ready
from dagbranch.domain.packaging import read_manifest
from dagbranch.domain.requests import EnvironmentEvent, EventKind, event_detail
from dagbranch.errors import SupersededError
from dagbranch.ports import Airflow, DagsBucket, EventBus, Registry, Telemetry
from dagbranch.use_cases.note_failure import note_failure


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
    """Raises NotYetError while Airflow has not parsed this commit; rows that the commit dropped are deleted."""
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
    readiness = judge_readiness(name, environment.pipeline, listed, failures, sources, now, patience)
    for dag_id in readiness.dropped:
        airflow.delete_dag(check_dag_id(dag_id))
    _conclude(environment, readiness, registry, bus, telemetry, now)


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
    noted = registry.update(environment, lambda newest: ready(newest, environment.generation, now), event="ready")
    bus.publish(EventKind.READY, event_detail(noted, now, dag_ids=readiness.dag_ids))
    telemetry.info("ready", dag_ids=readiness.dag_ids, dropped=readiness.dropped)
    telemetry.count("EnvironmentReady")
    telemetry.seconds("RequestToReady", (now - environment.requested_at).total_seconds())
