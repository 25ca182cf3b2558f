"""What a person's command changes in an environment's record, beside the request that it is."""

from __future__ import annotations

from dataclasses import replace

from dagbranch.domain.environments import Environment, PullRequest
from dagbranch.domain.requests import Wish


def with_wish(environment: Environment, wish: Wish | None, pull: PullRequest) -> Environment:
    """An approval counts for the newest commit alone: one that comes late must not take back the next."""
    if wish is None:
        return environment
    return replace(
        environment,
        approved=wish.approved if wish.approved == pull.head_sha else environment.approved,
        is_kept=environment.is_kept or wish.keep,
        schedules=environment.schedules if wish.schedules is None else wish.schedules,
    )


def asks_anew(wish: Wish | None, existing: Environment | None, delivery: str) -> bool:
    """Whether what stands at this commit, or was dismissed at it, is to be deployed again.

    The same message twice asks once.
    """
    if wish is None or existing is None or existing.delivery == delivery:
        return False
    has_other_schedules = wish.schedules is not None and wish.schedules != existing.schedules
    return wish.is_forced or (existing.is_live and has_other_schedules)


def is_overtaken(wish: Wish, existing: Environment) -> bool:
    """Whether what stands now was asked for only after the command was written."""
    return wish.at is not None and existing.requested_at > wish.at
