"""What Airflow's own answers mean for an environment: is it ready, what failed, what is left, what was dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dagbranch.domain.environments import Half
from dagbranch.domain.naming import commit_tag
from dagbranch.errors import InvalidEventError, NotYetError

_ASK_AGAIN_SECONDS = 3
_SYNCED = timedelta(seconds=60)  # MWAA's workers sync every 30 s: a later parse is of the new zip
# The runtime adds this line to each import error, so that an error of the last commit is not told of the new one.
_COMMIT_NOTE = re.compile(r"dagbranch: environment \S+, (commit:[0-9a-f]{7})")
# The runtime's tag where modules failed. Airflow drops the import errors of a zip at each look at the dags folder,
# until the zip is parsed again, so that an empty list of them proves nothing.
_INCOMPLETE = "import-errors"
_WHERE_TO_LOOK = (
    "look at the scan interval (scheduler.dag_dir_list_interval, or dag_processor.refresh_interval), at the DAG "
    "processor's log and at how many DAGs this server holds"
)
_DAG_ID = re.compile(r"[\w.-]{1,250}", re.ASCII)


@dataclass(frozen=True)
class ListedDag:
    """A DAG row of Airflow; ``is_active`` is false once the server has let go of its file."""

    dag_id: str
    file_location: str
    tags: frozenset[str]
    is_active: bool
    parsed_at: datetime | None


@dataclass(frozen=True)
class ImportFailure:
    file_location: str
    stack_trace: str
    at: datetime | None


@dataclass(frozen=True)
class Readiness:
    """``failures`` is empty where the environment is ready; ``dropped`` are rows that this commit has no more."""

    dag_ids: tuple[str, ...]
    dropped: tuple[str, ...]
    failures: tuple[str, ...]


def dags_of(environment: str, listed: Iterable[ListedDag]) -> list[ListedDag]:
    """Those whose file lies in the environment's zip: a tag alone proves nothing, anybody can give it to a DAG."""
    return sorted((dag for dag in listed if _is_in(environment, dag.file_location)), key=lambda dag: dag.dag_id)


def judge_readiness(
    environment: str,
    pipeline: Half,
    listed: Sequence[ListedDag],
    failures: Sequence[ImportFailure],
    source_paths: Mapping[str, str],
    now: datetime,
    patience: timedelta,
) -> Readiness:
    """What Airflow says of this commit. ``source_paths`` maps a module of the zip to the file that its author knows.

    Raises NotYetError while Airflow has not parsed this commit, until ``patience`` has passed since the zip was put.
    """
    tag = commit_tag(pipeline.head_sha)
    own = dags_of(environment, listed)
    current = [dag for dag in own if tag in dag.tags and dag.is_active]
    told = [failure for failure in failures if _is_in(environment, failure.file_location)]
    broken = [failure for failure in told if _is_of(failure, tag, pipeline.at)]
    failures_told = tuple(_in_words(failure, source_paths) for failure in broken)
    waited = now - pipeline.at
    missing = _missing(environment, tag, current) if current or pipeline.has_dags else _left_over(own, pipeline, now)
    if not failures_told and missing is not None:
        if waited < patience:
            raise NotYetError(missing, retry_seconds=_ASK_AGAIN_SECONDS)
        failures_told = (f"{missing} after {waited.total_seconds():.0f} s: {_WHERE_TO_LOOK}",)
    # Which rows a module that cannot be imported still has, nobody knows: all of them are kept until it can.
    dropped = () if failures_told else _dropped(own, current, tag, pipeline)
    return Readiness(tuple(dag.dag_id for dag in current), dropped, failures_told)


def check_dag_id(dag_id: str) -> str:
    """The id, where it is one that Airflow allows: it goes into a command line. Raises InvalidEventError else."""
    if _DAG_ID.fullmatch(dag_id) is None or dag_id.startswith("-"):
        raise InvalidEventError(f"Airflow lists {dag_id!r}, which is no DAG id")
    return dag_id


def _is_in(environment: str, file_location: str) -> bool:
    return f"/{environment}.zip/" in file_location or file_location.endswith(f"/{environment}.zip")


def _is_of(failure: ImportFailure, tag: str, put_at: datetime) -> bool:
    """Whether the error is of this commit: by the runtime's note, or, where it has none (a timeout, say), by time."""
    noted = _COMMIT_NOTE.search(failure.stack_trace)
    if noted is not None:
        return noted.group(1) == tag
    return failure.at is not None and failure.at > put_at + _SYNCED


def _dropped(own: Sequence[ListedDag], current: Sequence[ListedDag], tag: str, pipeline: Half) -> tuple[str, ...]:
    """Rows of an older commit that the parse which brought the current ones did not touch.

    Where this commit has no DAG to show, no row tells of its parse: what the workers' sync outlived is of it.
    """
    parses = [dag.parsed_at for dag in current if dag.parsed_at is not None]
    if not current and not pipeline.has_dags:
        parses = [pipeline.at + _SYNCED]
    if not parses:
        return ()
    return tuple(
        dag.dag_id for dag in own if tag not in dag.tags and (dag.parsed_at is None or dag.parsed_at < min(parses))
    )


def _in_words(failure: ImportFailure, source_paths: Mapping[str, str]) -> str:
    module = failure.file_location.rpartition("/")[2]
    lines = [line for line in failure.stack_trace.strip().splitlines() if not _COMMIT_NOTE.search(line)]
    source = source_paths.get(module, module)
    number = _line_number(lines, source)
    return f"{source}{f':{number}' if number else ''}: {lines[-1].strip() if lines else 'cannot be imported'}"


def _line_number(lines: Sequence[str], source: str) -> str | None:
    """The last line of the author's own file that the traceback names."""
    found = [match.group(1) for line in lines if (match := re.search(rf'{re.escape(source)}", line (\d+)', line))]
    return found[-1] if found else None


def _left_over(own: Sequence[ListedDag], pipeline: Half, now: datetime) -> str | None:
    """Whether rows of an older commit have to be waited for, where this one has none to show.

    A row that is deleted while the last zip may still be parsed would be back with it.
    """
    synced_at = pipeline.at + _SYNCED
    parsed_since = any(dag.parsed_at is not None and dag.parsed_at >= synced_at for dag in own)
    if parsed_since or (own and now < synced_at + _SYNCED):
        return f"Airflow still lists {len(own)} DAGs of an older commit"
    return None


def _missing(environment: str, tag: str, current: Sequence[ListedDag]) -> str | None:
    """What Airflow has not told yet, None where there is nothing left to wait for."""
    if not current:
        return f"Airflow lists no DAG of {environment} with the tag {tag}"
    if any(_INCOMPLETE in dag.tags for dag in current):
        return f"a module of {environment} cannot be imported, and Airflow does not say which"
    return None
