"""The one state machine: which facts move an environment from which state to which, as pure functions of its record.

``docs/life-cycle.md`` draws ``MOVES``; ``ending`` has the moves of a removal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from dagbranch.domain.environments import Changes, Environment, Half, PullRequest, Status, Suspects
from dagbranch.domain.removal import patience_seconds
from dagbranch.errors import NotYetError, SupersededError

# From None: nothing is on record. What is orphaned goes from there, or from ``removed``, to ``removing``.
MOVES: Final[Mapping[Status | None, frozenset[Status]]] = {
    None: frozenset({Status.REFUSED, Status.WAITING, Status.REQUESTED, Status.REMOVING}),
    Status.REFUSED: frozenset({Status.REFUSED, Status.WAITING, Status.REQUESTED, Status.REMOVING}),
    Status.WAITING: frozenset({Status.REFUSED, Status.WAITING, Status.REQUESTED, Status.REMOVED}),
    Status.REQUESTED: frozenset({Status.REQUESTED, Status.DEPLOYING, Status.FAILED, Status.REMOVING}),
    Status.DEPLOYING: frozenset({Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED, Status.REMOVING}),
    Status.READY: frozenset({Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED, Status.REMOVING}),
    Status.FAILED: frozenset({Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED, Status.REMOVING}),
    Status.REMOVING: frozenset({Status.REMOVING, Status.REMOVED}),
    Status.REMOVED: frozenset({Status.REFUSED, Status.WAITING, Status.REQUESTED, Status.REMOVING}),
}
_AFTER_REMOVAL_SECONDS: Final = 15
_MOST_CHANGED_PATHS: Final = 1_000
_MOST_CHANGED_CHARACTERS: Final = 50_000  # of the 400 KB that an item has, which every write carries whole


def refused(
    existing: Environment | None, pull: PullRequest, lane: str, reason: str, delivery: str, now: datetime
) -> Environment:
    """The record of a refusal. An environment that stands is left as it is, but for the message."""
    if existing is not None and existing.is_live:
        return replace(existing, message=reason, updated_at=now)
    fresh = _begun(existing, pull, lane, delivery, now, Status.REFUSED)
    return replace(fresh, message=reason, awaits_approval=_awaits_approval(fresh, pull))


def unwanted(environment: Environment, pull: PullRequest, reason: str, now: datetime) -> Environment:
    """The record of what stands and is to be removed, although its pull request is open."""
    return replace(environment, unwanted=reason, awaits_approval=_awaits_approval(environment, pull), updated_at=now)


def wanted(environment: Environment) -> Environment:
    """The record of what stands, and may: it gets an environment again, before the removal has begun."""
    if not environment.is_live or environment.status == Status.REMOVING:
        return environment
    return replace(environment, unwanted="", awaits_approval=False)


def waiting(
    existing: Environment | None, pull: PullRequest, lane: str, place: int, reason: str, delivery: str, now: datetime
) -> Environment:
    """The record of a pull request that has nothing yet and waits for its turn; one that waits keeps its time."""
    fresh = _begun(existing, pull, lane, delivery, now, Status.WAITING)
    since = existing.requested_at if existing is not None and existing.status == Status.WAITING else now
    return replace(fresh, requested_at=since, place=place, message=reason)


def is_served(existing: Environment | None, pull: PullRequest) -> bool:
    """Whether this commit stands already, so that the same event twice is no work."""
    return existing is not None and existing.status == Status.READY and existing.head_sha == pull.head_sha


def is_under_way(existing: Environment, pull: PullRequest) -> bool:
    """Whether this commit was asked for, and neither stands nor has failed yet."""
    return existing.status in {Status.REQUESTED, Status.DEPLOYING} and existing.head_sha == pull.head_sha


def requested(existing: Environment | None, pull: PullRequest, lane: str, delivery: str, now: datetime) -> Environment:
    """The record that asks for the pull request's head commit; a request under way for the same commit goes on."""
    if existing is None or not existing.is_live:
        fresh = _begun(existing, pull, lane, delivery, now, Status.REQUESTED)
        return replace(fresh, generation=fresh.generation + 1)
    check_not_being_removed(existing, now)
    under_way = is_under_way(existing, pull)
    return replace(
        wanted(existing if under_way else moved(existing, Status.REQUESTED)),
        repository=pull.repository,
        head_sha=pull.head_sha,
        changed_paths=existing.changed_paths if under_way else None,
        takes_uploads=under_way and existing.takes_uploads,
        seeding=existing.seeding if under_way else (),
        generation=existing.generation if under_way else existing.generation + 1,
        requested_at=existing.requested_at if under_way else now,
        ready_at=existing.ready_at if under_way else None,
        updated_at=now,
        message="",
        delivery=delivery,
    )


def check_not_being_removed(existing: Environment | None, now: datetime) -> None:
    """Raises NotYetError, less and less often to be asked again, while it is."""
    if existing is None or existing.status != Status.REMOVING:
        return
    patience = patience_seconds(existing.removal, now) if existing.removal else 0
    seconds = max(patience, _AFTER_REMOVAL_SECONDS)
    raise NotYetError("the environment is being removed first", retry_seconds=seconds)


def check_not_superseded(environment: Environment, generation: int) -> None:
    if environment.generation != generation or environment.status == Status.REMOVING or not environment.is_live:
        raise SupersededError(
            f"request {generation} of {environment.name} was superseded: "
            f"it is {environment.status} at request {environment.generation}"
        )


def with_changes(
    environment: Environment, generation: int, source_digest: str, paths: Collection[str] | None
) -> Environment:
    """The record with what its pull request changes; more than the record can well hold is as good as unknown."""
    check_not_superseded(environment, generation)
    changes = None
    if paths is not None and len(paths) <= _MOST_CHANGED_PATHS and sum(map(len, paths)) <= _MOST_CHANGED_CHARACTERS:
        changes = Changes(source_digest, tuple(sorted(paths)))
    return replace(environment, changed_paths=changes)


def with_pipeline(environment: Environment, standing: Half) -> Environment:
    """The record after the zip was put; raises SupersededError where a newer request has come meanwhile."""
    check_not_superseded(environment, standing.generation)
    return replace(_deploying(environment, standing), pipeline=standing)


def with_data(
    environment: Environment, standing: Half, schemas: Iterable[str], seeding: Iterable[str] = ()
) -> Environment:
    """The record after views and tables stand, and ``seeding`` of them are still to be filled.

    ``schemas`` are added to those that a removal has to look for.
    """
    check_not_superseded(environment, standing.generation)
    made = dict.fromkeys([*environment.schemas, *schemas])
    return replace(
        _deploying(environment, standing),
        data=standing,
        schemas=tuple(made),
        seeding=tuple(seeding),
        compared_at=standing.at,
    )


def seeded(environment: Environment, generation: int, table: str, now: datetime) -> Environment:
    """The record after one table was filled."""
    check_not_superseded(environment, generation)
    left = tuple(name for name in environment.seeding if name != table)
    return replace(environment, seeding=left, updated_at=now)


def ready(environment: Environment, generation: int, dag_ids: Collection[str], now: datetime) -> Environment:
    """The record after Airflow has listed all of this commit's DAGs, and none of another's."""
    check_not_superseded(environment, generation)
    halves = (environment.pipeline, environment.data)
    message = "\n".join(half.message for half in halves if half and half.message)
    return replace(
        moved(environment, Status.READY),
        message=message,
        dag_ids=tuple(dag_ids),
        verified_generation=generation,
        ready_at=environment.ready_at or now,
        suspects=None,
        updated_at=now,
    )


def suspected(environment: Environment, suspects: Suspects, now: datetime) -> Environment:
    """The record after a first look that found DAGs which this commit has no more."""
    check_not_superseded(environment, suspects.generation)
    return replace(environment, suspects=suspects, updated_at=now)


def failed(
    environment: Environment, generation: int, message: str, now: datetime, *, in_airflow: bool = False
) -> Environment:
    """``in_airflow``: it may be ready after all, without a new request, once Airflow lists it."""
    check_not_superseded(environment, generation)
    after = moved(environment, Status.FAILED)
    return replace(after, message=message, failed_in_airflow=in_airflow, updated_at=now)


def also_listed(environment: Environment, dag_ids: Iterable[str]) -> Environment:
    """The record with what Airflow lists of a commit that failed there: not every door lists it for ever."""
    return replace(environment, dag_ids=tuple(dict.fromkeys([*environment.dag_ids, *dag_ids])))


def continued(before: Environment | None, fresh: Environment) -> Environment:
    """A record that begins anew, whose counts, wishes and hold go on from the one before it."""
    check_move(before.status if before else None, fresh.status)
    if before is None:
        return fresh
    return replace(
        fresh,
        generation=before.generation,
        revision=before.revision,
        approved=before.approved,
        is_kept=before.is_kept,
        schedules=before.schedules,
        held=before.held,
    )


def moved(environment: Environment, after: Status) -> Environment:
    """The record in another state, or in the same anew: where ``MOVES`` has no such arrow, that is a fault of ours."""
    check_move(environment.status, after)
    return replace(environment, status=after, failed_in_airflow=False)


def check_move(before: Status | None, after: Status) -> None:
    assert after in MOVES[before], f"nothing moves an environment from {before} to {after}"


def _begun(
    before: Environment | None, pull: PullRequest, lane: str, delivery: str, now: datetime, status: Status
) -> Environment:
    """A record without a name and without halves, whose counts and wishes go on from the one before it."""
    fresh = Environment(
        repository_id=pull.repository_id,
        repository=pull.repository,
        pull_number=pull.number,
        lane=lane,
        status=status,
        head_sha=pull.head_sha,
        branch=pull.head_ref,
        requested_at=now,
        updated_at=now,
        delivery=delivery,
    )
    return continued(before, fresh)


def _awaits_approval(environment: Environment, pull: PullRequest) -> bool:
    return pull.is_from_a_fork and environment.approved != pull.head_sha


def _deploying(environment: Environment, standing: Half) -> Environment:
    # The other half may have failed meanwhile: only a request or Airflow's word that all is ready ends that.
    after = environment if environment.status == Status.FAILED else moved(environment, Status.DEPLOYING)
    return replace(after, source_digest=standing.source_digest, updated_at=standing.at)
