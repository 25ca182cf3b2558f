"""The scheduled comparison: what five places say of every environment, and the work that follows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from dagbranch.domain.environments import Environment, PullRequest
from dagbranch.domain.naming import PREVIEW
from dagbranch.domain.orphans import catalog_of, schemas_of
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.policy import Policy
from dagbranch.domain.requests import EventKind, action_detail
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.sweep import SweepPlan, is_due, is_overdue, plan_sweep
from dagbranch.domain.sweep_truths import Truths
from dagbranch.errors import SourceError, TransientUpstreamError, UpstreamError, asked_wait_seconds, is_for_good
from dagbranch.ports import Airflow, DagsBucket, EventBus, GitHub, Registry, Telemetry, Warehouse
from dagbranch.use_cases.look_at_releases import look_at_releases

_KINDS: Final = {
    "request": EventKind.ENVIRONMENT_REQUESTED,
    "remove": EventKind.REMOVAL_REQUESTED,
    "verify": EventKind.VERIFICATION_REQUESTED,
    "check": EventKind.DATA_CHECK_REQUESTED,
}
_WAREHOUSE: Final = "the warehouse's schemas were listed"
_CHECKS: Final = "environments were asked to compare their data"


@dataclass(frozen=True)
class Sweeper:
    """``follow_base_hour``: after that hour (UTC) the warehouse is looked at, once a day."""

    lane: str
    allowed_repositories: frozenset[str]  # lower case
    policy: Policy
    follow_base_hour: int


@dataclass(frozen=True)
class Seen:
    """The five places that are compared."""

    github: GitHub
    registry: Registry
    dags: DagsBucket
    airflow: Airflow
    warehouse: Callable[[], Warehouse]  # connects: an idle sweep must not wake one that stands still


def sweep_environments(*, sweeper: Sweeper, seen: Seen, bus: EventBus, telemetry: Telemetry, now: datetime) -> None:
    """Queues every action on the bus; does none itself, so that a sweep that dies loses nothing.

    Raises, after all else is done, UpstreamError that tells of each place that could not be asked: nothing was
    concluded from that one.
    """
    faults = _Faults(telemetry)
    truths = _gather(sweeper, seen, now, faults)
    plan = plan_sweep(truths, sweeper.policy, now, lane=sweeper.lane, follow_base_hour=sweeper.follow_base_hour)
    _queue(plan, sweeper.lane, bus, telemetry, now)
    if is_due(truths.checks_asked_at, now, sweeper.follow_base_hour):
        seen.registry.note(sweeper.lane, _CHECKS, now)
    _tell_overdue(truths.environments, telemetry, now)
    telemetry.info(
        "swept",
        actions=len(plan.actions),
        environments=len(truths.environments),
        open_pull_requests=sum(map(len, truths.open_pulls.values())),
    )
    faults.raise_all()
    telemetry.count("Sweep")


class _Faults:
    """What could not be asked, without keeping the rest from being done."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._errors: list[UpstreamError] = []

    def caught[T](self, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except UpstreamError as error:
            self._telemetry.warning("could not be asked", reason=str(error))
            self._errors.append(error)
            return None

    def raise_all(self) -> None:
        if not self._errors:
            return
        told = "; ".join(map(str, self._errors))
        if any(map(is_for_good, self._errors)):
            raise UpstreamError(told)
        raise TransientUpstreamError(told, retry_seconds=asked_wait_seconds(self._errors))


def _gather(sweeper: Sweeper, seen: Seen, now: datetime, faults: _Faults) -> Truths:
    """GitHub last: what it says is then newer than what it is compared with, and a new record is not an orphan's.

    In a release lane no pull request has anything, and GitHub is not asked for any.
    """
    environments = list(seen.registry.all(sweeper.lane))
    names = {one.name for one in environments if one.is_live and one.name is not None}
    standing = faults.caught(lambda: seen.dags.standing(names))
    listed = faults.caught(seen.airflow.dags)
    schemas = _marked_schemas(sweeper, seen, environments, now, faults)
    releases = look_at_releases(
        environments, dags=seen.dags, registry=seen.registry, lane=sweeper.lane, caught=faults.caught
    )
    repositories = sorted(sweeper.allowed_repositories)
    is_for_previews = sweeper.lane == PREVIEW
    open_pulls = _open_pulls(repositories, seen.github, faults) if is_for_previews else dict.fromkeys(repositories, ())
    unread = sweeper.allowed_repositories - {repository.lower() for repository in open_pulls}
    checks_asked_at = seen.registry.noted_at(sweeper.lane, _CHECKS)
    files = _files(open_pulls, seen.github, faults)
    return Truths(environments, open_pulls, unread, standing, listed, schemas, checks_asked_at, files, releases)


def _open_pulls(repositories: Iterable[str], github: GitHub, faults: _Faults) -> dict[str, Sequence[PullRequest]]:
    """The open pull requests by repository; one that cannot be read does not keep the others from being swept."""
    found = {one: faults.caught(lambda one=one: github.open_pull_requests(one)) for one in repositories}  # type: ignore[misc] # a lambda's default has no annotation
    return {repository: pulls for repository, pulls in found.items() if pulls is not None}


def _files(open_pulls: Mapping[str, Sequence[PullRequest]], github: GitHub, faults: _Faults) -> dict[str, PipelineFile]:
    """What each default branch says, by repository, where anybody is open to be told by it, and it can be read."""
    branches = {repository: pulls[0].default_branch for repository, pulls in open_pulls.items() if pulls}
    read = {one: faults.caught(partial(_file, one, branch, github)) for one, branch in branches.items()}
    return {repository.lower(): found for repository, found in read.items() if found is not None}


def _file(repository: str, branch: str, github: GitHub) -> PipelineFile | None:
    try:
        return parse_pipeline_file(github.file(repository, f"refs/heads/{branch}", PIPELINE_FILE))
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        return None  # whoever asks for an environment is told what is wrong with it


def _marked_schemas(
    sweeper: Sweeper, seen: Seen, environments: Collection[Environment], now: datetime, faults: _Faults
) -> Mapping[str, SchemaMarker] | None:
    """Once a day, and only where environments ever had schemas. The first time there can be no orphan yet."""
    catalogs = {catalog_of(schema) for one in environments for schema in schemas_of(one)}
    last = seen.registry.noted_at(sweeper.lane, _WAREHOUSE)
    if not catalogs or (last is not None and not is_due(last, now, sweeper.follow_base_hour)):
        return None
    found = None if last is None else faults.caught(lambda: seen.warehouse().marked_schemas(catalogs))
    if found is not None or last is None:
        seen.registry.note(sweeper.lane, _WAREHOUSE, now)
    return found


def _tell_overdue(environments: Iterable[Environment], telemetry: Telemetry, now: datetime) -> None:
    for one in environments:
        if is_overdue(one, now):
            telemetry.warning("its removal takes over a day", of=one.name, reason=one.message)
            telemetry.count("RemovalOverdue")


def _queue(plan: SweepPlan, lane: str, bus: EventBus, telemetry: Telemetry, now: datetime) -> None:
    for action in plan.actions:
        telemetry.info(f"{action.kind}: {action.why}", of=f"{action.repository}#{action.pull_number}")
    for strange in plan.strange:
        telemetry.warning("left alone", what=strange)
        telemetry.count("LeftAlone")
    bus.publish_all((_KINDS[action.kind], action_detail(action, lane, now)) for action in plan.actions)
