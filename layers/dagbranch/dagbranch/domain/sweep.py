"""The comparison of what the registry holds with what GitHub says and the clock, and the work that follows from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from dagbranch.domain.environments import Environment, PullRequest, Status, reason_to_refuse

STUCK_AFTER: Final = timedelta(minutes=45)
_UNDER_WAY: Final = frozenset({Status.REQUESTED, Status.DEPLOYING, Status.REMOVING})


@dataclass(frozen=True)
class Action:
    """``request``: the head commit is to be deployed; ``remove``: the environment outlived its pull request;
    ``check``: its data is to be compared with the base.
    """

    kind: Literal["request", "remove", "check"]
    repository: str
    repository_id: int
    pull_number: int
    head_sha: str
    why: str


def plan_sweep(
    environments: Iterable[Environment],
    open_pulls: Mapping[str, Iterable[PullRequest]],
    now: datetime,
    *,
    follow_base_hour: int,
    unread: Collection[str] = (),
) -> list[Action]:
    """What is to be done, a pull request at most once. ``open_pulls`` is complete for each repository that it names.

    ``unread``: the repositories (lower case) that GitHub was asked about in vain: nothing of theirs is removed.

    A repository that GitHub was not asked about (no longer on the stack's list) is removed from the server:
    nothing keeps its environments at GitHub's truth any more.
    """
    found = {(one.repository_id, one.pull_number): one for one in environments}
    pulls = {(pull.repository_id, pull.number): pull for of_one in open_pulls.values() for pull in of_one}
    actions = [
        _about(one, "remove", "its pull request is not open")
        for key, one in sorted(found.items())
        if one.is_live
        and one.repository.lower() not in unread
        and (key not in pulls or (one.status == Status.REMOVING and _is_stuck(one, now)))
    ]
    for key, pull in sorted(pulls.items()):
        if (why := _behind(found.get(key), pull, now)) is not None:
            actions.append(Action("request", pull.repository, pull.repository_id, pull.number, pull.head_sha, why))
    acted_on = {(action.repository_id, action.pull_number) for action in actions}
    return actions + [
        _about(one, "check", "it is time to compare its data with the base")
        for key, one in sorted(found.items())
        if key not in acted_on and _has_data_to_check(one) and is_due(one.compared_at, now, follow_base_hour)
    ]


def is_due(compared_at: datetime | None, now: datetime, hour: int) -> bool:
    """Whether ``hour`` o'clock UTC has come since the data was last compared with the base."""
    today = now.astimezone(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    last = today if today <= now else today - timedelta(days=1)
    return compared_at is None or compared_at < last


def _has_data_to_check(environment: Environment) -> bool:
    """What is not ready is under way, which compares it, or failed, which its author has to mend."""
    return environment.status == Status.READY and bool(environment.schemas)


def _about(environment: Environment, kind: Literal["remove", "check"], why: str) -> Action:
    return Action(
        kind,
        environment.repository,
        environment.repository_id,
        environment.pull_number,
        environment.head_sha,
        why,
    )


def _is_stuck(environment: Environment, now: datetime) -> bool:
    """Whether its last message was lost: every worker writes to the registry, a verification ends before this."""
    return environment.status in _UNDER_WAY and now - environment.updated_at > STUCK_AFTER


def _behind(environment: Environment | None, pull: PullRequest, now: datetime) -> str | None:
    """Why the head commit is to be deployed. A refusal that is on record needs no second one."""
    if environment is None:
        return "it was never looked at"
    if reason_to_refuse(pull, environment) is not None or environment.status == Status.REMOVING:
        return None
    if not environment.is_live:
        return f"it is open, and its environment is {environment.status}"
    if environment.head_sha != pull.head_sha:
        return f"its head is {pull.head_sha[:7]}, its environment at {environment.head_sha[:7]}"
    return f"it got stuck at {environment.status}" if _is_stuck(environment, now) else None
