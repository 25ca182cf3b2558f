"""A closed pull request → nothing of its environment is left but a receipt.

Each call looks at what is left, does what can be done now, and raises NotYetError for the rest: while a zip is
there a deleted DAG comes back, so the rows are deleted only after Airflow has let go of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.airflow_listing import check_dag_id, dags_of
from dagbranch.domain.data_changes import check_no_seed_runs
from dagbranch.domain.data_plan import plan_removal
from dagbranch.domain.environments import Environment, HalfName, Status, removed, removing, with_lease, without_lease
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.requests import EventKind, PullRequestEvent, event_detail
from dagbranch.errors import NotYetError
from dagbranch.ports import (
    Airflow,
    ArtifactsBucket,
    DagsBucket,
    EventBus,
    GitHub,
    Registry,
    SourceBucket,
    Telemetry,
    Warehouse,
)

_ASK_AGAIN_SECONDS = 3
_HALVES: Final[tuple[HalfName, ...]] = ("pipeline", "data")


@dataclass(frozen=True)
class Remover:
    """``settle``: how long after a zip's removal a DAG of it that nobody has seen may still turn up in Airflow."""

    name: str
    lease_seconds: int
    allowed_repositories: frozenset[str]  # lower case
    settle: timedelta


def remove_environment(
    event: PullRequestEvent,
    *,
    remover: Remover,
    github: GitHub,
    registry: Registry,
    sources: SourceBucket,
    dags: DagsBucket,
    artifacts: ArtifactsBucket,
    airflow: Airflow,
    warehouse: Warehouse,
    bus: EventBus,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
) -> None:
    """Raises NotYetError for what has to wait; does nothing for a pull request that is open after all."""
    telemetry.about(repository=event.repository, pull_number=event.pull_number, head_sha=event.head_sha)
    found = registry.get(event.repository_id, event.pull_number)
    if found is None or not found.is_live:
        telemetry.info("there is nothing to remove")
        return
    telemetry.about(environment=found.name, head_sha=found.head_sha)
    if found.status != Status.REMOVING and _is_still_open(found, remover, github):
        telemetry.info("the pull request is open: nothing is removed")
        return
    environment = _begin(found, remover, registry, clock)
    try:
        _remove_pipeline(environment, remover, registry, dags, airflow, telemetry, clock)
        data = _remove_data(environment, registry, warehouse, clock)
        name, marker = environment.claimed_name, marker_of(environment)
        receipt = {
            **_receipt(environment, registry),
            **data,
            "objects": dags.remove_copy(name, marker),
            "artifacts": artifacts.drop(name, marker),
            "source_archives": sources.remove(environment.repository, environment.pull_number),
            "left_alone": [*dags.left(name), *artifacts.left(name)],
        }
    except BaseException:
        registry.update(environment, lambda newest: _without_own_leases(newest, remover), event="")
        raise
    _finish(environment, receipt, registry, bus, telemetry, clock)


def _is_still_open(environment: Environment, remover: Remover, github: GitHub) -> bool:
    """GitHub's truth, not the event's: a late ``closed`` does not kill a pull request that was reopened."""
    if environment.repository.lower() not in remover.allowed_repositories:
        return False
    pull = github.pull_request(environment.repository, environment.pull_number)
    return pull is not None and pull.is_open


def _begin(
    environment: Environment, remover: Remover, registry: Registry, clock: Callable[[], datetime]
) -> Environment:
    """Waits for the workers that are at it; from here on every deploy and every seed finds itself superseded."""

    def begin(newest: Environment) -> Environment:
        for half in _HALVES:
            newest = with_lease(newest, half, remover.name, clock(), remover.lease_seconds)
        return removing(newest, clock())

    begun = environment.status == Status.REMOVING
    return registry.update(environment, begin, event="" if begun else "removing")


def _without_own_leases(environment: Environment, remover: Remover) -> Environment:
    """Those of workers that still fill tables stay."""
    for half in _HALVES:
        environment = without_lease(environment, half, remover.name)
    return environment


def _remove_pipeline(
    environment: Environment,
    remover: Remover,
    registry: Registry,
    dags: DagsBucket,
    airflow: Airflow,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
) -> None:
    name = environment.claimed_name
    dags.remove_zip(name, marker_of(environment))
    noted = registry.update(
        environment, lambda newest: replace(newest, zip_removed_at=newest.zip_removed_at or clock()), event=""
    )
    rows = dags_of(name, airflow.dags(name))
    if any(row.is_active for row in rows):
        raise NotYetError(f"Airflow has not let go of {name}.zip yet", retry_seconds=_ASK_AGAIN_SECONDS)
    assert noted.zip_removed_at is not None, "it was noted in this call"
    if not rows and not noted.seen_by_airflow and clock() - noted.zip_removed_at < remover.settle:
        raise NotYetError("a DAG that Airflow has not listed yet may still turn up", retry_seconds=30)
    for row in rows:
        airflow.delete_dag(check_dag_id(row.dag_id))
        telemetry.info("deleted a DAG", dag_id=row.dag_id)
    if rows:
        deleted = [row.dag_id for row in rows]
        registry.update(environment, lambda newest: _with_deleted(newest, deleted), event="deleted its DAGs")
        raise NotYetError("looking again whether the DAGs stay away", retry_seconds=_ASK_AGAIN_SECONDS)


def _with_deleted(environment: Environment, dag_ids: list[str]) -> Environment:
    before = environment.receipt.get("dag_ids", [])
    assert isinstance(before, list), "this function alone writes it"
    # What was listed once has been seen: an empty list means from now on that they are gone.
    return replace(environment, seen_by_airflow=True, receipt={"dag_ids": sorted({*before, *dag_ids})})


def _remove_data(
    environment: Environment, registry: Registry, warehouse: Warehouse, clock: Callable[[], datetime]
) -> dict[str, object]:
    """Drops the schemas that carry the marker. The warehouse is not even asked where none was ever made.

    A worker that fills a table is waited for: it stops by itself, and could make again what was dropped under it.
    """
    if not environment.schemas:
        return {"schemas": []}
    newest = registry.get(environment.repository_id, environment.pull_number)
    assert newest is not None, "the registry lost the item under our leases"
    check_no_seed_runs(newest, clock())
    plan = plan_removal(
        warehouse.schemas(environment.schemas),
        environment=environment.claimed_name,
        repository=environment.repository,
        pull_number=environment.pull_number,
    )
    warehouse.run([plan.statements], plan.fence)
    left = set(warehouse.schemas(environment.schemas)) - set(plan.not_ours)
    if left:
        raise NotYetError(f"{', '.join(sorted(left))} are still there", retry_seconds=_ASK_AGAIN_SECONDS)
    dropped = sorted(name for statement in plan.statements for name in statement.writes)
    return {"schemas": dropped, "schemas_left_alone": list(plan.not_ours)}


def _receipt(environment: Environment, registry: Registry) -> dict[str, object]:
    newest = registry.get(environment.repository_id, environment.pull_number)
    return {"environment": environment.name, "dag_ids": [], **(newest.receipt if newest else {})}


def _finish(
    environment: Environment,
    receipt: dict[str, object],
    registry: Registry,
    bus: EventBus,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
) -> None:
    newest = registry.get(environment.repository_id, environment.pull_number)
    assert newest is not None, "the registry lost the item under our leases"
    noted = registry.release(removed(newest, receipt, clock()), event="removed")
    bus.publish(EventKind.REMOVED, event_detail(noted, clock(), receipt=receipt))
    telemetry.info("removed", receipt=receipt)
    telemetry.count("EnvironmentRemoved")
