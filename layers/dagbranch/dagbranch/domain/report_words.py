"""What is to be said of an environment's record, in plain words: the headline and the reason of each state."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from dagbranch.domain.environments import Environment, Half, Status

_MOST_SECONDS: Final = 120
_MOST_MINUTES: Final = 120


def headline(record: Environment) -> str:
    name = record.name or "the environment"
    match record.status:
        case Status.REFUSED if is_awaiting_approval(record):
            told = "waiting for approval"
        case Status.WAITING:
            told = "waiting for its turn" + (f": {_line_of(record)}" if record.place else "")
        case Status.REQUESTED | Status.DEPLOYING:
            told = f"{name} is being deployed"
        case Status.READY:
            told = f"{name} is ready: {_dags(record)}"
        case Status.FAILED:
            told = f"{name} has failed"
        case Status.REMOVING:
            told = f"{name} is being removed"
        case _:
            told = f"{name} is removed" if record.name else "no environment for this pull request"
    return told


def reason(record: Environment) -> str:
    """Why it is as it is, in one line; empty where the headline says it all, as of each preview that is ready."""
    if is_awaiting_approval(record):
        return f"it comes from a fork: someone with write access writes {approval(record)}"
    if record.status in {Status.REQUESTED, Status.DEPLOYING}:
        return _still_to_come(record)
    if record.status == Status.READY:
        return _how_a_release_stands(record)
    first, *more = record.message.splitlines() or [""]
    if record.status == Status.WAITING:
        first = first.removesuffix(f"; {_line_of(record)}")  # the headline has it
    return f"{first} (and {counted(len(more), 'more line')})" if more else first


def is_awaiting_approval(record: Environment) -> bool:
    """Whether nothing is made of the commit on record because it is a fork's, and nobody has asked for it."""
    is_going = record.status in {Status.REMOVING, Status.REMOVED} and bool(record.unwanted)
    return record.awaits_approval and (record.status == Status.REFUSED or is_going)


def approval(record: Environment) -> str:
    """The one line that has exactly this commit of a fork deployed."""
    return f"/dagbranch deploy {record.head_sha}"


def notes(record: Environment) -> list[str]:
    """What its author should know of what stands: warnings, and what was left out."""
    halves = [half.message for half in (record.pipeline, record.data) if half and is_of_this_request(record, half)]
    told = [record.message] if record.status == Status.READY else halves
    told += [f"it is to be removed: {record.unwanted}"] if record.unwanted else []
    return list(dict.fromkeys(line.strip() for text in told for line in text.splitlines() if line.strip()))


def is_of_this_request(record: Environment, half: Half | None) -> bool:
    return half is not None and half.generation == record.generation


def counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def between(began_at: datetime, ended_at: datetime) -> str:
    """``12 s``, ``3 min``, ``5 h``."""
    seconds = max(0, round((ended_at - began_at).total_seconds()))
    if seconds < _MOST_SECONDS:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < _MOST_MINUTES else f"{minutes // 60} h"


def _how_a_release_stands(record: Environment) -> str:
    back = ["rolled back to this commit"] if record.rolls_back else []
    held = [f"held by {record.held.by}: {record.held.reason}"] if record.held is not None else []
    return "; ".join([*back, *held])


def _line_of(record: Environment) -> str:
    return f"place {record.place} in the line"


def _dags(record: Environment) -> str:
    return f"{counted(len(record.dag_ids), 'DAG')} in Airflow" if record.dag_ids else "it has no DAG to show"


def _still_to_come(record: Environment) -> str:
    halves = {"the pipeline": record.pipeline, "the data": record.data}
    missing = [name for name, half in halves.items() if not is_of_this_request(record, half)]
    if record.takes_uploads and len(missing) == len(halves):
        return "still to come: the archive, which a workflow of the repository uploads"
    if record.seeding and is_of_this_request(record, record.data):
        missing.append(f"{counted(len(record.seeding), 'table')} to fill")
    return (
        f"still to come: {' and '.join(missing)}" if missing else "both halves stand, Airflow has yet to list its DAGs"
    )
