"""The pipeline of an environment → Airflow has neither its zip nor any of its DAGs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial, reduce
from itertools import batched
from typing import Final

from dagbranch.domain.airflow_listing import ListedDag, check_dag_id, dags_of
from dagbranch.domain.environments import Environment, Removal
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.removal import (
    Step,
    next_step,
    patience_seconds,
    with_deleted,
    with_let_go,
    with_listed,
    with_runs,
    without_zip,
)
from dagbranch.errors import NotYetError, StillRunningError
from dagbranch.use_cases.removal_work import RemovalWork, removal_of

_AFTER_AN_END_SECONDS: Final = 3
_NOTED_TOGETHER: Final = 20
_FOR_ONE_CALL: Final = timedelta(seconds=75)  # MWAA's CLI endpoint has 60 s for a command


def remove_pipeline(environment: Environment, work: RemovalWork) -> None:
    """Goes as far as it can now; raises NotYetError for what Airflow has to do first, or where the time is up."""
    places, telemetry = work.places, work.telemetry
    removal = _without_a_late_zip(environment, work)
    while True:
        rows = dags_of(environment.claimed_name, places.airflow.dags(environment.claimed_name))
        lists_let_go = places.airflow.lists_let_go
        step = next_step(removal, rows, lists_let_go=lists_let_go, now=work.clock(), settle=work.remover.settle)
        telemetry.info(f"removal: {step.kind}", dag_ids=step.dag_ids, reason=step.reason)
        match step.kind:
            case "pause":
                removal = _pause(environment, step, work)
            case "take away":
                removal = _take_away(environment, step, work)
            case "wait":
                raise NotYetError(step.reason, retry_seconds=step.retry_seconds)
            case "delete":
                removal = _delete(environment, step, rows, work)
            case "done":
                return


def _without_a_late_zip(environment: Environment, work: RemovalWork) -> Removal:
    """A worker that was killed between putting a zip and its last write may have put it after ours was removed."""
    removal = removal_of(environment)
    if removal.zip_removed_at is None:
        return removal
    objects = work.places.dags.remove_zip(environment.claimed_name, marker_of(environment))
    if not objects:
        return removal
    now = work.clock()
    return work.note(environment, lambda noted: without_zip(noted, objects, now), "its zip was back: removed again")


def _pause(environment: Environment, step: Step, work: RemovalWork) -> Removal:
    """No run is begun any more."""
    for dag_id in step.dag_ids:
        work.time_left.check(_FOR_ONE_CALL)
        work.places.airflow.pause(check_dag_id(dag_id))
    now = work.clock()
    return work.note(
        environment, lambda noted: replace(with_listed(noted, step.dag_ids), paused_at=now), "no run is begun any more"
    )


def _take_away(environment: Environment, step: Step, work: RemovalWork) -> Removal:
    """Ends what runs, as far as the door can, and removes the zip with all its versions."""
    work.time_left.check(_FOR_ONE_CALL)
    runs = work.places.airflow.end_runs(step.dag_ids)
    objects = work.places.dags.remove_zip(environment.claimed_name, marker_of(environment))
    now = work.clock()

    def change(noted: Removal) -> Removal:
        return without_zip(with_runs(with_listed(noted, step.dag_ids), runs.ended, runs.still_running), objects, now)

    return work.note(environment, change, f"{len(runs.ended)} runs ended, the zip removed")


def _delete(environment: Environment, step: Step, rows: Sequence[ListedDag], work: RemovalWork) -> Removal:
    """One whose tasks run keeps none of the others; it is asked about less and less often."""
    airflow = work.places.airflow
    if rows and all(row.is_active is False for row in rows):
        work.note(environment, partial(with_let_go, now=work.clock()))
    running: list[str] = []
    for some in batched(step.dag_ids, _NOTED_TOGETHER):
        running += _delete_some(environment, some, work)
    if not running:
        return work.note(environment, lambda noted: with_runs(noted, (), ()))
    runs = airflow.end_runs(running)
    still = runs.still_running or tuple(running)
    removal = work.note(environment, lambda noted: with_runs(noted, runs.ended, still))
    seconds = _AFTER_AN_END_SECONDS if runs.ended else patience_seconds(removal, work.clock())
    raise NotYetError(f"{', '.join(still)} still run", retry_seconds=seconds)


def _delete_some(environment: Environment, dag_ids: Sequence[str], work: RemovalWork) -> list[str]:
    """Deletes them, and returns those whose tasks run.

    One note for all: each note writes the whole record, with all of its DAGs.
    """
    running: list[str] = []
    gone: list[str] = []
    try:
        for dag_id in dag_ids:
            work.time_left.check(_FOR_ONE_CALL)
            try:
                work.places.airflow.delete_dag(check_dag_id(dag_id))
            except StillRunningError:
                running.append(dag_id)
            else:
                gone.append(dag_id)
    finally:
        if gone:
            now = work.clock()
            work.note(
                environment,
                lambda noted: reduce(partial(with_deleted, now=now), gone, noted),
                f"deleted {', '.join(gone)}",
            )
    return running
