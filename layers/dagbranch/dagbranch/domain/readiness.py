"""What Airflow's own answers mean for an environment: is it ready, what failed, what was dropped."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.airflow_listing import ImportFailure, ListedDag, dags_of
from dagbranch.domain.environments import Half, Suspects
from dagbranch.domain.naming import commit_tag
from dagbranch.errors import NotYetError

_ASK_AGAIN_SECONDS: Final = 3
_SYNCED: Final = timedelta(seconds=60)  # MWAA's workers sync every 30 s: a later parse is of the new zip
# The runtime adds this line to each import error, so that an error of the last commit is not told of the new one.
_COMMIT_NOTE: Final = re.compile(r"dagbranch: environment \S+, (commit:[0-9a-f]{7})")
# The runtime's tag where modules failed. Airflow drops the import errors of a zip at each look at the dags folder,
# until the zip is parsed again, so that an empty list of them proves nothing.
_INCOMPLETE: Final = "import-errors"
_WHERE_TO_LOOK: Final = (
    "look at the scan interval (scheduler.dag_dir_list_interval, or dag_processor.refresh_interval), at the DAG "
    "processor's log and at how many DAGs this server holds"
)


@dataclass(frozen=True)
class Readiness:
    """``failures`` is empty where the environment is ready.

    ``dropped`` are DAGs that this commit has no more, as far as one parse can tell; ``parsed_at`` is when that was,
    None where time alone has told.
    """

    dag_ids: tuple[str, ...]
    dropped: tuple[str, ...]
    failures: tuple[str, ...]
    parsed_at: datetime | None = None

    def confirmed(self, suspects: Suspects | None, generation: int) -> tuple[str, ...] | None:
        """Those that may be deleted: left out by a later parse as well. None where that has to be waited for.

        One parse alone may have been cut off in the middle, by a time-out of a module's import.
        """
        if not self.dropped or self.parsed_at is None:
            return self.dropped
        if suspects is None or suspects.generation != generation or suspects.parsed_at >= self.parsed_at:
            return None
        return tuple(dag_id for dag_id in self.dropped if dag_id in suspects.dag_ids)


def judge_readiness(
    environment: str,
    pipeline: Half,
    listed: Sequence[ListedDag],
    failures: Sequence[ImportFailure],
    source_paths: Mapping[str, str],
    now: datetime,
    patience: timedelta,
    *,
    asked_at: datetime,
    deadline: datetime,
    known: Collection[str] = (),
    expected: Collection[str] = (),
) -> Readiness:
    """What Airflow says of this commit. ``source_paths`` maps a module of the zip to the file that its author knows.

    ``known``: ids of an older commit, where Airflow does not list by itself what it has let go of. ``expected``: ids
    that Airflow listed of this one. One of those may be missing only where the zip was parsed again since
    ``asked_at``: its own code then has it no more.

    Raises NotYetError while Airflow has not parsed this commit, until the ``deadline``; ``patience`` is told then.
    """
    tag = commit_tag(pipeline.head_sha)
    own = dags_of(environment, listed)
    current = [dag for dag in own if tag in dag.tags and dag.is_active is not False]
    told = [failure for failure in failures if failure.zip_name == environment]
    broken = [failure for failure in told if _is_of(failure, tag, pipeline.at)]
    failures_told = tuple(_in_words(failure, source_paths) for failure in broken)
    missing = _missing(environment, tag, current) if current or pipeline.has_dags else _left_over(own, pipeline, now)
    missing = missing or _lost(expected, current, asked_at)
    if not failures_told and missing is not None:
        if now < deadline:
            raise NotYetError(missing, retry_seconds=_ASK_AGAIN_SECONDS)
        failures_told = (f"{missing} after {patience.total_seconds():.0f} s: {_WHERE_TO_LOOK}",)
    # Which rows a module that cannot be imported still has, nobody knows: all of them are kept until it can.
    if failures_told:
        return Readiness(tuple(dag.dag_id for dag in current), (), failures_told)
    return _with_dropped(own, current, tag, pipeline, now, known)


def may_be_ready(pipeline: Half | None, active: Sequence[ListedDag]) -> bool:
    """Whether it is worth asking Airflow once more about what had failed there, by its active rows alone."""
    if pipeline is None or not pipeline.has_dags:
        return pipeline is not None and not active
    current = [dag for dag in active if commit_tag(pipeline.head_sha) in dag.tags]
    return bool(current) and not any(_INCOMPLETE in dag.tags for dag in current)


def has_dropped(pipeline: Half | None, own: Sequence[ListedDag]) -> bool:
    """Whether rows of an older commit are left, among the environment's own."""
    return pipeline is not None and any(commit_tag(pipeline.head_sha) not in dag.tags for dag in own)


def _is_of(failure: ImportFailure, tag: str, put_at: datetime) -> bool:
    """Whether the error is of this commit: by the runtime's note, or, where it has none (a timeout, say), by time."""
    noted = _COMMIT_NOTE.search(failure.stack_trace)
    if noted is not None:
        return noted.group(1) == tag
    return failure.at is not None and failure.at > put_at + _SYNCED


def _with_dropped(
    own: Sequence[ListedDag],
    current: Sequence[ListedDag],
    tag: str,
    pipeline: Half,
    now: datetime,
    known: Collection[str],
) -> Readiness:
    """Rows of an older commit that the parse which brought the current ones did not touch.

    Where no row tells of a parse (this commit has no DAG to show, or the door tells no times), what the workers' sync
    outlived is of it.
    """
    dag_ids = tuple(dag.dag_id for dag in current)
    parses = [dag.parsed_at for dag in current if dag.parsed_at is not None]
    parsed_at = min(parses, default=pipeline.at + _SYNCED)
    dropped = [dag for dag in own if tag not in dag.tags and (dag.parsed_at is None or dag.parsed_at < parsed_at)]
    gone = tuple(dict.fromkeys([*(dag.dag_id for dag in dropped), *(one for one in known if one not in dag_ids)]))
    if not current:
        return Readiness(dag_ids, gone, ())
    if gone and not parses:
        if now < parsed_at + _SYNCED:
            raise NotYetError("DAGs of an older commit may still be parsed away", retry_seconds=_ASK_AGAIN_SECONDS)
        parsed_at = now
    return Readiness(dag_ids, gone, (), parsed_at)


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


def _lost(expected: Collection[str], current: Sequence[ListedDag], asked_at: datetime) -> str | None:
    lost = set(expected) - {dag.dag_id for dag in current}
    is_parsed_since = all(dag.parsed_at is not None and dag.parsed_at > asked_at for dag in current)
    if not lost or (current and is_parsed_since):
        return None
    return f"Airflow does not list {', '.join(sorted(lost))} any more"


def _missing(environment: str, tag: str, current: Sequence[ListedDag]) -> str | None:
    """What Airflow has not told yet, None where there is nothing left to wait for."""
    if not current:
        return f"Airflow lists no DAG of {environment} with the tag {tag}"
    if any(_INCOMPLETE in dag.tags for dag in current):
        return f"a module of {environment} cannot be imported, and Airflow does not say which"
    return None
