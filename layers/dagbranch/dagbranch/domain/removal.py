"""What a removal has to do next at Airflow, decided from what Airflow lists and what is on record.

While a zip is there, a deleted DAG comes back: rows are deleted only after Airflow has let go of the zip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from dagbranch.domain.airflow_listing import ListedDag, check_dag_id
from dagbranch.domain.environments import Environment, Removal

_ASK_AGAIN_SECONDS: Final = 3
_LONGEST_WAIT_SECONDS: Final = 300
_MOST_TOLD: Final = 10


@dataclass(frozen=True)
class Step:
    """``dag_ids`` are those to pause, to end the runs of, or to delete; ``wait`` asks again after that many seconds."""

    kind: Literal["pause", "take away", "wait", "delete", "done"]
    dag_ids: tuple[str, ...] = ()
    reason: str = ""
    retry_seconds: int = _ASK_AGAIN_SECONDS


def next_step(
    removal: Removal, rows: Sequence[ListedDag], *, lists_let_go: bool, now: datetime, settle: timedelta
) -> Step:
    """``rows`` are the environment's own; ``lists_let_go``: whether Airflow lists rows whose zip it has let go of.

    ``settle``: how long after a zip's removal a DAG of it may still turn up that nobody has seen.
    """
    listed = tuple(row.dag_id for row in rows)
    if removal.paused_at is None:
        return Step("pause", tuple(row.dag_id for row in rows if not row.is_paused))
    if removal.zip_removed_at is None:
        return Step("take away", tuple(dict.fromkeys([*removal.dag_ids, *listed])))
    return _after_the_zip(
        removal, rows, lists_let_go=lists_let_go, now=now, is_settled=now - removal.zip_removed_at >= settle
    )


def _after_the_zip(
    removal: Removal, rows: Sequence[ListedDag], *, lists_let_go: bool, now: datetime, is_settled: bool
) -> Step:
    listed = tuple(row.dag_id for row in rows)
    if any(row.is_active for row in rows) or (any(row.is_active is None for row in rows) and not is_settled):
        seconds = patience_seconds(removal, now)
        return Step("wait", reason="Airflow has not let go of the zip yet", retry_seconds=seconds)
    if not lists_let_go:
        return _blind_step(removal, rows, is_settled=is_settled)
    if rows:
        return Step("delete", listed)
    if not removal.dag_ids and not is_settled:
        return Step("wait", reason="a DAG that Airflow has not listed yet may still turn up", retry_seconds=30)
    if removal.deleted_at is not None and now - removal.deleted_at < timedelta(seconds=_ASK_AGAIN_SECONDS):
        return Step("wait", reason="looking again whether the DAGs stay away")
    return Step("done")


def _blind_step(removal: Removal, rows: Sequence[ListedDag], *, is_settled: bool) -> Step:
    """Where Airflow does not list what it has let go of, everything that was ever listed is deleted after a while."""
    if not is_settled:
        return Step("wait", reason="this door cannot tell when Airflow lets go of the zip", retry_seconds=30)
    known = dict.fromkeys([*removal.dag_ids, *(row.dag_id for row in rows)])
    left = tuple(dag_id for dag_id in known if dag_id not in removal.deleted_dag_ids)
    return Step("delete", left) if left else Step("done")


def with_listed(removal: Removal, dag_ids: Iterable[str]) -> Removal:
    return replace(removal, dag_ids=tuple(dict.fromkeys([*removal.dag_ids, *map(check_dag_id, dag_ids)])))


def with_deleted(removal: Removal, dag_id: str, now: datetime) -> Removal:
    deleted = tuple(dict.fromkeys([*removal.deleted_dag_ids, dag_id]))
    return replace(removal, deleted_dag_ids=deleted, deleted_at=now)


def with_runs(removal: Removal, ended: Iterable[str], still_running: Iterable[str]) -> Removal:
    return replace(
        removal,
        ended_runs=tuple(dict.fromkeys([*removal.ended_runs, *ended])),
        still_running=tuple(still_running),
    )


def without_zip(removal: Removal, objects: int, now: datetime) -> Removal:
    return replace(removal, objects=removal.objects + objects, zip_removed_at=now, let_go_at=None)


def with_let_go(removal: Removal, now: datetime) -> Removal:
    """When Airflow was first seen to list none of it as active."""
    return replace(removal, let_go_at=removal.let_go_at or now)


def in_words(removal: Removal) -> str:
    """Why it goes, and what keeps it waiting, for whoever looks into the registry."""
    if not removal.still_running:
        return removal.reason
    more = len(removal.still_running) - _MOST_TOLD
    told = ", ".join(removal.still_running[:_MOST_TOLD]) + (f" and {more} more" if more > 0 else "")
    return f"{removal.reason}; the removal waits for what still runs: {told}"


def patience_seconds(removal: Removal, now: datetime) -> int:
    """How long to wait for a task that runs: a tenth of how long it has been waited for, 5 minutes at most."""
    waited = (now - (removal.zip_removed_at or removal.began_at)).total_seconds()
    return int(min(max(waited / 10, _ASK_AGAIN_SECONDS), _LONGEST_WAIT_SECONDS))


def receipt_of(environment: Environment, last: Mapping[str, object], now: datetime) -> dict[str, object]:
    """What was deleted, and when; ``last`` is what the final look everywhere found."""
    removal = environment.removal
    assert removal is not None, "only a removal has a receipt"
    return {
        "environment": environment.name,
        "reason": removal.reason,
        "began_at": removal.began_at.isoformat(),
        "zip_removed_at": _time(removal.zip_removed_at),
        "let_go_at": _time(removal.let_go_at),
        "dags_deleted_at": _time(removal.deleted_at),
        "removed_at": now.isoformat(),
        "dag_ids": sorted(removal.deleted_dag_ids),
        "ended_runs": list(removal.ended_runs),
        "schemas": sorted(removal.schemas),
        "objects": removal.objects,
        "artifacts": removal.artifacts,
        "source_archives": removal.source_archives,
        "not_seen": _not_seen(removal),
        **last,
    }


def _not_seen(removal: Removal) -> list[str]:
    """What the door to Airflow could not tell."""
    if removal.let_go_at is None and removal.deleted_dag_ids:
        return ["when Airflow let go of the zip: the time in which it must have was waited for instead"]
    return []


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
