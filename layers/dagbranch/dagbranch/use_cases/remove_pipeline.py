"""The pipeline of an environment → Airflow has neither its zip nor any of its DAGs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from dagbranch.domain.airflow_listing import ListedDag, check_dag_id, dags_of
from dagbranch.domain.environments import Environment, Removal
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.removal import Step, next_step, patience_seconds, with_deleted, with_listed
from dagbranch.domain.time_left import TimeLeft
from dagbranch.errors import NotYetError, StillRunningError
from dagbranch.ports import Telemetry
from dagbranch.use_cases.removal_work import Places, note_removal, removal_of

_FOR_ONE_CALL: Final = timedelta(seconds=75)  # MWAA's CLI endpoint has 60 s for a command


def remove_pipeline(
    environment: Environment,
    settle: timedelta,
    time_left: TimeLeft,
    places: Places,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
) -> None:
    """Goes as far as it can now; raises NotYetError for what Airflow has to do first, or where the time is up."""
    removal = removal_of(environment)
    if removal.zip_removed_at is not None:
        # A worker that was killed between putting a zip and its last write may have put it after that.
        places.dags.remove_zip(environment.claimed_name, marker_of(environment))
    while True:
        rows = dags_of(environment.claimed_name, places.airflow.dags(environment.claimed_name))
        removal = _note_let_go(environment, removal, rows, places, clock)
        lists_let_go = places.airflow.lists_let_go
        step = next_step(removal, rows, lists_let_go=lists_let_go, now=clock(), settle=settle)
        telemetry.info(f"removal: {step.kind}", dag_ids=step.dag_ids, reason=step.reason)
        match step.kind:
            case "pause":
                removal = _pause(environment, step, time_left, places, clock)
            case "take away":
                removal = _take_away(environment, step, places, clock)
            case "wait":
                raise NotYetError(step.reason, retry_seconds=step.retry_seconds)
            case "delete":
                removal = _delete(environment, step, time_left, places, clock)
            case "done":
                return


def _pause(
    environment: Environment, step: Step, time_left: TimeLeft, places: Places, clock: Callable[[], datetime]
) -> Removal:
    """No run is begun any more."""
    for dag_id in step.dag_ids:
        time_left.check(_FOR_ONE_CALL)
        places.airflow.pause(check_dag_id(dag_id))
    now = clock()
    return note_removal(
        environment, places.registry, lambda noted: replace(with_listed(noted, step.dag_ids), paused_at=now)
    )


def _take_away(environment: Environment, step: Step, places: Places, clock: Callable[[], datetime]) -> Removal:
    """Ends what runs, as far as the door can, and removes the zip with all its versions."""
    runs = places.airflow.end_runs(step.dag_ids)
    objects = places.dags.remove_zip(environment.claimed_name, marker_of(environment))
    now = clock()
    return note_removal(
        environment,
        places.registry,
        lambda noted: replace(
            with_listed(noted, step.dag_ids),
            ended_runs=tuple(dict.fromkeys([*noted.ended_runs, *runs.ended])),
            still_running=runs.still_running,
            objects=noted.objects + objects,
            zip_removed_at=now,
        ),
    )


def _note_let_go(
    environment: Environment, removal: Removal, rows: Sequence[ListedDag], places: Places, clock: Callable[[], datetime]
) -> Removal:
    """When Airflow first listed none of it as active, where it tells that at all."""
    is_told = places.airflow.lists_let_go and all(row.is_active is False for row in rows)
    if removal.zip_removed_at is None or removal.let_go_at is not None or not is_told:
        return removal
    now = clock()
    return note_removal(environment, places.registry, lambda noted: replace(noted, let_go_at=now))


def _delete(
    environment: Environment, step: Step, time_left: TimeLeft, places: Places, clock: Callable[[], datetime]
) -> Removal:
    """One whose tasks run keeps none of the others; it is asked about less and less often."""
    running: list[str] = []
    for dag_id in step.dag_ids:
        time_left.check(_FOR_ONE_CALL)
        try:
            places.airflow.delete_dag(check_dag_id(dag_id))
        except StillRunningError:
            running.append(dag_id)
            continue
        note_removal(environment, places.registry, partial(with_deleted, dag_id=dag_id, now=clock()))
    removal = note_removal(environment, places.registry, lambda noted: replace(noted, still_running=tuple(running)))
    if running:
        seconds = patience_seconds(removal, clock())
        raise NotYetError(f"tasks of {', '.join(running)} still run", retry_seconds=seconds)
    return removal
