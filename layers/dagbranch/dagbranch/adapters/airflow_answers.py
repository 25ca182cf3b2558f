"""What Airflow answers, whichever door it comes through: rows of DAGs and import errors, as JSON has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from dagbranch.domain.airflow_listing import FinishedRun, ImportFailure, ListedDag
from dagbranch.errors import TransientUpstreamError


def listed_dag(row: Mapping[str, Any]) -> ListedDag:
    """A row of ``dags``: Airflow 3 calls one stale that Airflow 2 calls inactive. KeyError where it is none."""
    stale = _flag(row.get("is_stale"))
    return ListedDag(
        str(row["dag_id"]),
        str(row["fileloc"]),
        frozenset(map(_tag, row.get("tags") or ())),
        is_active=_flag(row.get("is_active")) if stale is None else not stale,
        parsed_at=_time(row.get("last_parsed_time")),
        is_paused=_flag(row.get("is_paused")) is True,
    )


def import_failure(row: Mapping[str, Any]) -> ImportFailure:
    """A row of ``import_errors``, or of ``dags list-import-errors``, which tells no time. KeyError where it is none."""
    if "filepath" in row:
        return ImportFailure(str(row["filepath"]), str(row["error"]), None)
    return ImportFailure(str(row["filename"]), str(row["stack_trace"]), _time(row.get("timestamp")))


def finished_run(row: Mapping[str, Any]) -> FinishedRun | None:
    """A row of ``dag_runs``, or of ``dags list-runs``; None where somebody marked it before it ever began."""
    dag_id, began_at, ended_at = str(row["dag_id"]), _time(row["start_date"]), _time(row["end_date"])
    return None if began_at is None or ended_at is None else FinishedRun(dag_id, began_at, ended_at)


def last_ends(runs: Iterable[FinishedRun | None], since: datetime, until: datetime | None) -> dict[str, datetime]:
    """When the last of those that began then has ended, by DAG."""
    within = [run for run in runs if run is not None and run.is_within(since, until)]
    return {run.dag_id: run.ended_at for run in sorted(within, key=lambda run: run.ended_at)}


def rows_of[T](rows: Iterable[Any], read: Callable[[Any], T], asked: str) -> list[T]:
    """Each row as ``read`` makes it. Raises TransientUpstreamError where one is not what was asked for."""
    try:
        return [read(row) for row in rows]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TransientUpstreamError(f"asking Airflow for {asked}: a row of its answer is none") from error


def _flag(value: object) -> bool | None:
    """The CLI prints ``"True"``, the REST API JSON's own; None where it says neither."""
    return {"true": True, "false": False}.get(str(value).lower())


def _tag(tag: Any) -> str:
    return str(tag["name"] if isinstance(tag, Mapping) else tag)


def _time(text: object) -> datetime | None:
    if not isinstance(text, str) or not text[:1].isdecimal():
        return None  # the CLI prints ``"None"``
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
