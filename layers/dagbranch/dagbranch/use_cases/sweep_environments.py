"""The scheduled comparison: what GitHub says against what the registry holds, and the work that follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from dagbranch.domain.environments import PullRequest
from dagbranch.domain.requests import EventKind, action_detail
from dagbranch.domain.sweep import plan_sweep
from dagbranch.errors import TransientUpstreamError, UpstreamError, is_for_good
from dagbranch.ports import EventBus, GitHub, Registry, Telemetry

_KINDS = {
    "request": EventKind.ENVIRONMENT_REQUESTED,
    "remove": EventKind.REMOVAL_REQUESTED,
    "check": EventKind.DATA_CHECK_REQUESTED,
}


def sweep_environments(
    *,
    lane: str,
    allowed_repositories: frozenset[str],
    follow_base_hour: int,
    github: GitHub,
    registry: Registry,
    bus: EventBus,
    telemetry: Telemetry,
    now: datetime,
) -> None:
    """Queues every action on the bus; does none itself, so that a sweep that dies loses nothing.

    The warehouse is never reached from here: an idle sweep wakes none that stands still.

    Raises, after all else is done, UpstreamError that tells of each repository that could not be read.
    """
    open_pulls, faults = _open_pulls(sorted(allowed_repositories), github)
    actions = plan_sweep(registry.all(lane), open_pulls, now, follow_base_hour=follow_base_hour, unread=faults.keys())
    for action in actions:
        bus.publish(_KINDS[action.kind], action_detail(action, lane, now))
        telemetry.info(f"{action.kind}: {action.why}", of=f"{action.repository}#{action.pull_number}")
    telemetry.info("swept", actions=len(actions), open_pull_requests=sum(map(len, open_pulls.values())))
    if faults:
        passing = not any(is_for_good(error) for error in faults.values())
        raise (TransientUpstreamError if passing else UpstreamError)("; ".join(map(str, faults.values())))
    telemetry.count("Sweep")


def _open_pulls(
    repositories: Iterable[str], github: GitHub
) -> tuple[dict[str, Sequence[PullRequest]], dict[str, UpstreamError]]:
    """The open pull requests by repository; one that cannot be read does not keep the others from being swept."""
    found, faults = {}, {}
    for repository in repositories:
        try:
            found[repository] = github.open_pull_requests(repository)
        except UpstreamError as error:
            faults[repository] = error
    return found, faults
