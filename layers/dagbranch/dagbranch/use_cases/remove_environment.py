"""A closed pull request, an expired environment or an orphan → nothing of it is left but a receipt.

Each call looks at what is left, does what can be done now, notes it, and raises NotYetError for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.ending import removed
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.policy import whose_turn_it_is
from dagbranch.domain.removal import receipt_of
from dagbranch.domain.requests import EventKind, PullRequestEvent, event_detail
from dagbranch.domain.time_left import TimeLeft
from dagbranch.ports import EventBus, GitHub, Telemetry
from dagbranch.use_cases.begin_removal import begin_removal, give_leases_back, take_leases
from dagbranch.use_cases.removal_work import Places, RemovalWork, Remover, removal_of
from dagbranch.use_cases.remove_data import remove_data
from dagbranch.use_cases.remove_pipeline import remove_pipeline

__all__ = ["Remover", "remove_environment"]

_FOR_THE_REST: Final = timedelta(seconds=20)  # the schemas, the objects of a large copy, the receipt


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
    work = RemovalWork(remover, places, bus, telemetry, clock, TimeLeft.of(remover.lease_seconds, clock))
    environment = begin_removal(event, github, work)
    if environment is None:
        return
    telemetry.about(environment=environment.name, head_sha=environment.head_sha)
    if environment.status == Status.REMOVING:
        environment = _remove(environment, work)
    # Also where it is gone: the last message for it may have ended between its last write and this.
    _tell(environment, work)
    _have_it_looked_at(environment, work)
    _let_in_the_next(environment, work)


def _remove(environment: Environment, work: RemovalWork) -> Environment:
    environment = take_leases(environment, work)
    try:
        remove_pipeline(environment, work)
        work.time_left.check(_FOR_THE_REST)
        schemas = remove_data(environment, work)
        last = {"schemas_left_alone": schemas, "left_alone": _remove_objects(environment, work)}
    except BaseException:
        give_leases_back(environment, work)
        raise
    return _finish(environment, last, work)


def _remove_objects(environment: Environment, work: RemovalWork) -> list[str]:
    """What is left in the buckets, each with all its versions, as far as it carries our marker; returns the rest.

    Each count is noted when its objects are gone, so that the receipt has it even if this worker dies then.
    """
    name, marker, places = environment.claimed_name, marker_of(environment), work.places
    if copied := places.dags.remove_copy(name, marker):
        work.note(environment, lambda noted: replace(noted, objects=noted.objects + copied))
    if jobs := places.artifacts.drop(name, marker):
        work.note(environment, lambda noted: replace(noted, artifacts=noted.artifacts + jobs))
    # Beside a release, the next canary's archive may have come meanwhile.
    began_at = removal_of(environment).began_at if environment.is_of_a_release else None
    if archives := places.sources.remove(environment.repository, environment.pull_number, before=began_at):
        work.note(environment, lambda noted: replace(noted, source_archives=noted.source_archives + archives))
    return [*places.dags.left(name), *places.artifacts.left(name)]


def _finish(environment: Environment, last: Mapping[str, object], work: RemovalWork) -> Environment:
    newest = work.places.registry.get(environment.repository_id, environment.pull_number)
    assert newest is not None, "the registry lost the item under our leases"
    now = work.clock()
    noted = work.places.registry.release(removed(newest, receipt_of(newest, last, now), now), event="removed")
    work.telemetry.count("EnvironmentRemoved")
    return noted


def _tell(environment: Environment, work: RemovalWork) -> None:
    if environment.name is None:  # one that only ever waited
        return
    work.bus.publish(EventKind.REMOVED, event_detail(environment, work.clock(), receipt=environment.receipt))
    work.telemetry.info("removed", receipt=environment.receipt)


def _have_it_looked_at(gone: Environment, work: RemovalWork) -> None:
    """One whose pull request is open, perhaps: its newest commit is told why it gets nothing, or gets one again."""
    if gone.unwanted and gone.dismissed is None and not gone.is_of_a_release:
        work.bus.publish(EventKind.ENVIRONMENT_REQUESTED, event_detail(gone, work.clock()))


def _let_in_the_next(gone: Environment, work: RemovalWork) -> None:
    """Who has waited longest gets the place at once; what is lost here, the sweep makes good."""
    policy = work.remover.policy
    if not policy.is_limited:
        return
    # The list may lag behind by moments, and have this one still standing.
    known = [gone if one.key == gone.key else one for one in work.places.registry.all(work.remover.lane)]
    turns = whose_turn_it_is(known, policy)
    work.bus.publish_all((EventKind.ENVIRONMENT_REQUESTED, event_detail(one, work.clock())) for one in turns)
