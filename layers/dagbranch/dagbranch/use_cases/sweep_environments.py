"""The scheduled comparison: what GitHub says against what the registry holds, and the work that follows."""

from __future__ import annotations

from datetime import datetime

from dagbranch.domain.requests import EventKind, action_detail
from dagbranch.domain.sweep import plan_sweep
from dagbranch.ports import EventBus, GitHub, Registry, Telemetry

_KINDS = {"request": EventKind.ENVIRONMENT_REQUESTED, "remove": EventKind.REMOVAL_REQUESTED}


def sweep_environments(
    *,
    lane: str,
    allowed_repositories: frozenset[str],
    github: GitHub,
    registry: Registry,
    bus: EventBus,
    telemetry: Telemetry,
    now: datetime,
) -> None:
    """Queues every action on the bus; does none itself, so that a sweep that dies loses nothing."""
    open_pulls = {repository: github.open_pull_requests(repository) for repository in sorted(allowed_repositories)}
    actions = plan_sweep(registry.all(lane), open_pulls, now)
    for action in actions:
        bus.publish(_KINDS[action.kind], action_detail(action, lane, now))
        telemetry.info(f"{action.kind}: {action.why}", of=f"{action.repository}#{action.pull_number}")
    telemetry.info("swept", actions=len(actions), open_pull_requests=sum(map(len, open_pulls.values())))
    telemetry.count("Sweep")
