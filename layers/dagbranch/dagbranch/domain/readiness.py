"""What Airflow's own answers mean for an environment: is it ready, what failed, what was dropped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain import import_errors
from dagbranch.domain.airflow_listing import ImportFailure, ListedDag, dags_of
from dagbranch.domain.environments import Half, Suspects
from dagbranch.domain.import_errors import COMMIT_NOTE
from dagbranch.domain.naming import commit_tag
from dagbranch.domain.packaging import Manifest
from dagbranch.errors import NotYetError

_ASK_AGAIN_SECONDS: Final = 3
_MOST_NAMED: Final = 10
_SYNCED: Final = timedelta(seconds=60)  # MWAA's workers sync every 30 s: a later parse is of the new zip
# The runtime's tag where modules failed. Airflow drops the import errors of a zip at each look at the dags folder,
# until the zip is parsed again, so that an empty list of them proves nothing.
_INCOMPLETE: Final = "import-errors"
_NOT_PARSED: Final = (
    "Airflow's DAG processor has not got to it. Look at whether the server is up (while it is updated or paused, "
    "nothing is parsed), at its scan interval (scheduler.dag_dir_list_interval, or dag_processor.refresh_interval), at "
    "how many DAGs it holds for its size, and at the DAG processor's log"
)
_THE_LOG: Final = "The DAG processor's log names it"
_OLD_ZIP: Final = (
    "Airflow's DAG processor still parses the zip of an older commit. Look at whether the server's copy of the "
    "bucket's dags folder is brought up to date on every one of its schedulers"
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
    manifest: Manifest,
    now: datetime,
    patience: timedelta,
    *,
    asked_at: datetime,
    deadline: datetime,
    known: Collection[str] = (),
    expected: Collection[str] = (),
) -> Readiness:
    """What Airflow says of this commit. ``manifest``: the zip's own, which tells the files that its author knows.

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
    failures_told = import_errors.told(broken, manifest)
    others = [dag for dag in own if tag not in dag.tags]
    waits = current or pipeline.has_dags
    missing = _missing(environment, tag, current, others) if waits else _left_over(own, pipeline, now)
    missing = missing or _lost(expected, current, asked_at)
    if not failures_told and missing is not None:
        if now < deadline:
            raise NotYetError(missing, retry_seconds=_ASK_AGAIN_SECONDS)
        where = _where_to_look(current, others, pipeline)
        # Those that tell no time and no commit may be old, but they are all that Airflow says.
        evidence = [failure for failure in told if not _is_of_another(failure, tag)]
        failures_told = (
            f"{missing} after {patience.total_seconds():.0f} s. {where}.",
            *import_errors.told(evidence, manifest),
        )
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
    noted = COMMIT_NOTE.search(failure.stack_trace)
    if noted is not None:
        return noted.group(1) == tag
    return failure.at is not None and failure.at > put_at + _SYNCED


def _is_of_another(failure: ImportFailure, tag: str) -> bool:
    noted = COMMIT_NOTE.search(failure.stack_trace)
    return noted is not None and noted.group(1) != tag


def _where_to_look(current: Sequence[ListedDag], others: Sequence[ListedDag], pipeline: Half) -> str:
    if any(_INCOMPLETE in dag.tags for dag in current):
        return _THE_LOG
    is_behind = any(dag.parsed_at is not None and dag.parsed_at > pipeline.at + _SYNCED for dag in others)
    return _OLD_ZIP if is_behind else _NOT_PARSED


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
    return f"Airflow does not list {_some(sorted(lost))} any more"


def _some(dag_ids: Sequence[str]) -> str:
    rest = len(dag_ids) - _MOST_NAMED
    return ", ".join(dag_ids[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _missing(environment: str, tag: str, current: Sequence[ListedDag], others: Sequence[ListedDag]) -> str | None:
    """What Airflow has not told yet, None where there is nothing left to wait for.

    ``others``: of an older commit. Those that were parsed after this one are still in the zip that somebody parses: a
    server has several schedulers, each with its own copy of the bucket.
    """
    if not current:
        return f"Airflow lists no DAG of {environment} with the tag {tag}"
    if any(_INCOMPLETE in dag.tags for dag in current):
        return f"a module of {environment} cannot be imported, and Airflow does not say which"
    parsed_at = min((dag.parsed_at for dag in current if dag.parsed_at is not None), default=None)
    behind = [dag.dag_id for dag in others if parsed_at and dag.parsed_at is not None and dag.parsed_at >= parsed_at]
    if behind:
        return f"Airflow lists {_some(behind)} of an older commit, parsed again since"
    return None
