"""A closed pull request, an expired environment or an orphan → nothing of it is left but a receipt.

Each call looks at what is left, does what can be done now, notes it, and raises NotYetError for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.environments import Environment, HalfName, Status
from dagbranch.domain.leases import with_lease, without_lease
from dagbranch.domain.life_cycle import adopted, removed, removing
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.policy import Policy, reason_to_remove
from dagbranch.domain.removal import receipt_of
from dagbranch.domain.requests import EventKind, PullRequestEvent, event_detail
from dagbranch.domain.time_left import TimeLeft
from dagbranch.ports import EventBus, GitHub, Registry, Telemetry
from dagbranch.use_cases.removal_work import Places, note_removal
from dagbranch.use_cases.remove_data import remove_data
from dagbranch.use_cases.remove_pipeline import remove_pipeline

_HALVES: Final[tuple[HalfName, ...]] = ("pipeline", "data")
_FOR_THE_REST: Final = timedelta(seconds=20)  # the schemas, the objects of a large copy, the receipt


@dataclass(frozen=True)
class Remover:
    """``settle``: how long after a zip's removal a DAG of it that nobody has seen may still turn up in Airflow."""

    lane: str
    name: str
    lease_seconds: int
    allowed_repositories: frozenset[str]  # lower case
    settle: timedelta
    policy: Policy


def remove_environment(
    event: PullRequestEvent,
    *,
    remover: Remover,
    github: GitHub,
    places: Places,
    bus: EventBus,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
) -> None:
    """Raises NotYetError for what has to wait; does nothing where the environment is to stay after all."""
    telemetry.about(repository=event.repository, pull_number=event.pull_number, head_sha=event.head_sha)
    time_left = TimeLeft.of(remover.lease_seconds, clock)
    environment = _to_remove(event, remover, github, places.registry, telemetry, clock)
    if environment is None:
        return
    telemetry.about(environment=environment.name, head_sha=environment.head_sha)
    if environment.status == Status.REMOVED:
        # The last message for it may have ended between its last write and this.
        _tell(environment, bus, telemetry, clock)
        return
    environment = _begin(environment, remover, places.registry, clock)
    try:
        remove_pipeline(environment, remover.settle, time_left, places, telemetry, clock)
        time_left.check(_FOR_THE_REST)
        last = {**remove_data(environment, places, clock), **_remove_objects(environment, places)}
    except BaseException:
        places.registry.update(environment, lambda newest: _without_own_leases(newest, remover), event="")
        raise
    _finish(environment, last, places.registry, bus, telemetry, clock)


def _to_remove(
    event: PullRequestEvent,
    remover: Remover,
    github: GitHub,
    registry: Registry,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
) -> Environment | None:
    """The record of what has to go, or has just gone; None where nothing has to, by what is true now."""
    found = registry.get(event.repository_id, event.pull_number)
    if event.orphan is not None and (found is None or not found.is_live):
        return _adopted(event, event.orphan, found, remover, registry, clock)
    if found is None or found.status == Status.REFUSED:
        telemetry.info("there is nothing to remove")
        return None
    if found.status in {Status.REMOVING, Status.REMOVED}:
        return found
    reason, dismissed = _reason(found, remover, github, clock())
    if reason is None:
        telemetry.info("the environment stays: nothing is removed")
        return None
    if found.status == Status.WAITING:
        return registry.save(removed(replace(found, delivery=event.delivery), {}, clock()), event=reason)
    return registry.update(
        found,
        lambda newest: removing(replace(newest, delivery=event.delivery), reason, clock(), dismissed),
        event=f"removing: {reason}",
    )


def _reason(environment: Environment, remover: Remover, github: GitHub, now: datetime) -> tuple[str | None, str | None]:
    """GitHub's truth, not the event's: a late ``closed`` does not kill a pull request that was reopened.

    With the commit that is not to be deployed again, where the pull request is open.
    """
    if environment.repository.lower() not in remover.allowed_repositories:
        return "its repository is no longer on the stack's list", None
    pull = github.pull_request(environment.repository, environment.pull_number)
    reason = reason_to_remove(environment, pull, remover.policy, now)
    return reason, environment.head_sha if pull is not None and pull.is_open else None


def _adopted(
    event: PullRequestEvent,
    name: str,
    found: Environment | None,
    remover: Remover,
    registry: Registry,
    clock: Callable[[], datetime],
) -> Environment:
    """A record for what has none, so that it is removed as everything is: what has no marker of its own stays.

    Raises NotOursError where another pull request has the name.
    """
    now, reason = clock(), f"{name} has no record of its own"
    orphan = Environment(
        repository_id=event.repository_id,
        repository=event.repository,
        pull_number=event.pull_number,
        lane=remover.lane,
        status=Status.REMOVING,
        head_sha=event.head_sha,
        branch="",
        updated_at=now,
        requested_at=now,
        name=name,
        delivery=event.delivery,
    )
    return registry.claim(adopted(found, orphan, event.schemas, reason, now), [name], event=f"removing: {reason}")


def _begin(
    environment: Environment, remover: Remover, registry: Registry, clock: Callable[[], datetime]
) -> Environment:
    """Waits for the workers that are at it; since ``removing`` every deploy and every seed finds itself superseded."""

    def begin(newest: Environment) -> Environment:
        for half in _HALVES:
            newest = with_lease(newest, half, remover.name, clock(), remover.lease_seconds)
        return newest

    return registry.update(environment, begin, event="")


def _without_own_leases(environment: Environment, remover: Remover) -> Environment:
    """Those of workers that still fill tables stay."""
    for half in _HALVES:
        environment = without_lease(environment, half, remover.name)
    return environment


def _remove_objects(environment: Environment, places: Places) -> dict[str, object]:
    """What is left in the buckets, each with all its versions, as far as it carries our marker."""
    name, marker = environment.claimed_name, marker_of(environment)
    copied = places.dags.remove_copy(name, marker)
    note_removal(environment, places.registry, lambda noted: replace(noted, objects=noted.objects + copied))
    return {
        "artifacts": places.artifacts.drop(name, marker),
        "source_archives": places.sources.remove(environment.repository, environment.pull_number),
        "left_alone": [*places.dags.left(name), *places.artifacts.left(name)],
    }


def _finish(
    environment: Environment,
    last: dict[str, object],
    registry: Registry,
    bus: EventBus,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
) -> None:
    newest = registry.get(environment.repository_id, environment.pull_number)
    assert newest is not None, "the registry lost the item under our leases"
    now = clock()
    noted = registry.release(removed(newest, receipt_of(newest, last, now), now), event="removed")
    telemetry.count("EnvironmentRemoved")
    _tell(noted, bus, telemetry, clock)


def _tell(environment: Environment, bus: EventBus, telemetry: Telemetry, clock: Callable[[], datetime]) -> None:
    bus.publish(EventKind.REMOVED, event_detail(environment, clock(), receipt=environment.receipt))
    telemetry.info("removed", receipt=environment.receipt)
