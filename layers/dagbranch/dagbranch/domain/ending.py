"""How an environment ends: the moves of ``life_cycle`` from the first word of a removal to its receipt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from dagbranch.domain.environments import Environment, Removal, Status
from dagbranch.domain.life_cycle import check_move, moved
from dagbranch.domain.overview import Overview
from dagbranch.errors import SupersededError


@dataclass(frozen=True)
class Farewell:
    """Why an environment goes.

    ``head_sha``: of its pull request now, where that is open: what is told of the removal is told of this commit.
    ``is_dismissed``: this commit is not to be deployed again by itself; ``is_by_a_person``: because somebody said so.
    """

    reason: str
    head_sha: str | None = None
    is_dismissed: bool = False
    is_by_a_person: bool = False


def removing(environment: Environment, farewell: Farewell, now: datetime) -> Environment:
    """Raises the generation, so that every deploy under way finds itself superseded."""
    if environment.status == Status.REMOVING:
        return environment
    if not environment.is_live:
        raise SupersededError(f"the environment is {environment.status}: there is nothing to remove")
    return replace(
        _dismissed(moved(environment, Status.REMOVING), farewell),
        generation=environment.generation + 1,
        removal=Removal(began_at=now, reason=farewell.reason, dag_ids=environment.dag_ids),
        updated_at=now,
        message=farewell.reason,
    )


def adopted(
    existing: Environment | None, orphan: Environment, schemas: Iterable[str], reason: str, now: datetime
) -> Environment:
    """The record under which something is removed that carries our marker and that no record claims."""
    status = existing.status if existing else None
    if existing is not None and existing.is_live:
        raise SupersededError(f"the environment is {existing.status}: it is no orphan")
    check_move(status, Status.REMOVING)
    return replace(
        orphan,
        status=Status.REMOVING,
        generation=(existing.generation if existing else 0) + 1,
        revision=existing.revision if existing else 0,
        schemas=tuple(schemas),
        removal=Removal(began_at=now, reason=reason),
        dismissed=existing.dismissed if existing else None,
        approved=existing.approved if existing else None,
        unwanted=existing.unwanted if existing else "",
        updated_at=now,
        message=reason,
    )


def reprieved(environment: Environment, now: datetime) -> Environment:
    """The record of one that was dismissed, after its pull request was closed: a reopened one begins anew."""
    return replace(environment, dismissed=None, unwanted="", updated_at=now)


def removed(environment: Environment, receipt: Mapping[str, object], now: datetime) -> Environment:
    """Nothing but the receipt is kept of it, why it was unwanted, and which commit was approved, or dismissed."""
    return replace(
        moved(environment, Status.REMOVED),
        pipeline=None,
        data=None,
        changed_paths=None,
        guard=None,
        seeding=(),
        compared_at=None,
        reset_at=None,
        leases={},
        schemas=(),
        dag_ids=(),
        verified_generation=0,
        suspects=None,
        removal=None,
        place=None,
        ready_at=None,
        overview=Overview(),
        pages=None,
        is_kept=False,
        schedules=None,
        receipt=receipt,
        message=environment.removal.reason if environment.removal else "",
        updated_at=now,
    )


def left(environment: Environment, farewell: Farewell, now: datetime) -> Environment:
    """The record of one that waited for its turn, and of which nothing has to be removed."""
    gone = removed(_dismissed(environment, farewell), {}, now)
    return replace(gone, message=farewell.reason)


def _dismissed(environment: Environment, farewell: Farewell) -> Environment:
    head_sha = farewell.head_sha or environment.head_sha
    return replace(
        environment,
        head_sha=head_sha,
        dismissed=head_sha if farewell.is_dismissed else None,
        unwanted=farewell.reason if farewell.is_by_a_person else environment.unwanted,
    )
