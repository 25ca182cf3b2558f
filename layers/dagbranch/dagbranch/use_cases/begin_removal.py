"""A request to remove an environment, held against what is true now → its record, as one that has to go."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dagbranch.domain.airflow_listing import dags_of
from dagbranch.domain.ending import Farewell, adopted, left, removing, reprieved
from dagbranch.domain.environments import Environment, HalfName, Status
from dagbranch.domain.leases import with_lease, without_lease
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.policy import reason_to_end, reason_to_remove
from dagbranch.domain.requests import EventKind, PullRequestEvent, event_detail
from dagbranch.domain.wishes import is_overtaken
from dagbranch.errors import SupersededError
from dagbranch.ports import GitHub
from dagbranch.use_cases.check_installation import check_installation
from dagbranch.use_cases.removal_work import RemovalWork

_HALVES: Final[tuple[HalfName, ...]] = ("pipeline", "data")
_GONE: Final = frozenset({Status.REFUSED, Status.REMOVED})


def begin_removal(event: PullRequestEvent, github: GitHub, work: RemovalWork) -> Environment | None:
    """The record of what has to go, or has gone already; None where nothing has to."""
    found = work.places.registry.get(event.repository_id, event.pull_number)
    if event.orphan is not None and (found is None or found.status in _GONE) and _stands(event, event.orphan, work):
        return _adopted(event, event.orphan, found, work)
    if event.pull_number > 0 and (found is None or not found.is_live):  # a canary may be about to be taken in
        _remove_late_archives(event, work)
    if found is None or found.status == Status.REFUSED:
        work.telemetry.info("there is nothing to remove")
        return None
    if found.status == Status.REMOVED:
        return _reprieved(found, github, work)
    if found.status == Status.REMOVING:
        return found
    return _judged(event, found, github, work)


def _remove_late_archives(event: PullRequestEvent, work: RemovalWork) -> None:
    """What a CI job, or a worker that was slow, has put for a pull request that has no environment (yet)."""
    if archives := work.places.sources.remove(event.repository, event.pull_number):
        work.telemetry.info("removed source archives that nobody wants", objects=archives)


def take_leases(environment: Environment, work: RemovalWork) -> Environment:
    """Waits for the workers that are at it: since ``removing`` every deploy and every seed finds itself superseded.

    Raises SupersededError where that removal is over.
    """

    def taken(newest: Environment) -> Environment:
        if newest.status != Status.REMOVING or newest.generation != environment.generation:
            raise SupersededError(f"another worker has ended the removal of {environment.name}")
        for half in _HALVES:
            newest = with_lease(newest, half, work.remover.name, work.clock(), work.remover.lease_seconds)
        return newest

    return work.places.registry.update(environment, taken, event="")


def give_leases_back(environment: Environment, work: RemovalWork) -> None:
    """Those of workers that still fill tables stay."""

    def given_back(newest: Environment) -> Environment:
        for half in _HALVES:
            newest = without_lease(newest, half, work.remover.name)
        return newest

    work.places.registry.update(environment, given_back, event="")


def _judged(event: PullRequestEvent, found: Environment, github: GitHub, work: RemovalWork) -> Environment | None:
    farewell = _farewell(event, found, github, work)
    if farewell is None:
        work.telemetry.info("the environment stays: nothing is removed")
        return None
    told, now = replace(found, delivery=event.delivery), work.clock()
    if found.status == Status.WAITING:
        _tell(work.places.registry.save(left(told, farewell, now), event=f"waits no more: {farewell.reason}"), work)
        return None
    going = work.places.registry.update(
        found,
        lambda newest: removing(replace(newest, delivery=event.delivery), farewell, now),
        event=f"removing: {farewell.reason}",
    )
    _tell(going, work)
    return going


def _tell(environment: Environment, work: RemovalWork) -> None:
    work.bus.publish(EventKind.REPORT_REQUESTED, event_detail(environment, work.clock()))


def _farewell(event: PullRequestEvent, found: Environment, github: GitHub, work: RemovalWork) -> Farewell | None:
    """GitHub's truth, not the event's: a late ``closed`` does not kill a pull request that was reopened."""
    if found.repository.lower() not in work.remover.allowed_repositories:
        return Farewell("its repository is no longer on the stack's list")
    if found.is_of_a_release:
        return _farewell_to_a_canary(event, found, work)
    check_installation(event.installation_id, found.repository, github)
    pull = github.pull_request(found.repository, found.pull_number)
    head_sha = pull.head_sha if pull is not None and pull.is_open else None
    if head_sha is not None and event.wish and event.wish.removal and not is_overtaken(event.wish, found):
        return Farewell(f"{event.wish.by} asked for its removal", head_sha, is_dismissed=True, is_by_a_person=True)
    reason = reason_to_remove(found, pull, work.remover.policy, work.clock())
    if reason is None:
        return None
    return Farewell(reason, head_sha, is_dismissed=head_sha is not None and not found.unwanted)


def _farewell_to_a_canary(event: PullRequestEvent, found: Environment, work: RemovalWork) -> Farewell | None:
    """The release beside it stays, whoever asks."""
    release = work.places.registry.get(found.repository_id, RELEASE)
    reason = reason_to_end(found, release)
    wish = event.wish
    if reason is None and found.pull_number == CANARY and wish and wish.removal and not is_overtaken(wish, found):
        reason = f"{wish.by} asked for its removal"
    return Farewell(reason) if reason is not None else None


def _reprieved(found: Environment, github: GitHub, work: RemovalWork) -> Environment:
    """One that expired and whose pull request was closed after that begins anew when it is reopened.

    So does one whose repository went from the stack's list, and is on it again.
    """
    if found.dismissed is None:
        return found
    if found.repository.lower() in work.remover.allowed_repositories:
        pull = github.pull_request(found.repository, found.pull_number)
        if pull is not None and pull.is_open:
            return found
    return work.places.registry.save(
        reprieved(found, work.clock()), event="its pull request is not open, or not the stack's affair"
    )


def _stands(event: PullRequestEvent, name: str, work: RemovalWork) -> bool:
    """Whether anything of the orphan is still there: the same request may come twice."""
    places = work.places
    return (
        bool(places.dags.left(name))
        or bool(dags_of(name, places.airflow.dags(name)))
        or bool(event.schemas and places.warehouse.schemas(event.schemas))
    )


def _adopted(event: PullRequestEvent, name: str, found: Environment | None, work: RemovalWork) -> Environment:
    """A record for what has none, so that it is removed as everything is: what has no marker of its own stays.

    Raises NotOursError where another pull request has the name.
    """
    now, reason = work.clock(), f"{name} has no record of its own"
    orphan = Environment(
        repository_id=event.repository_id,
        repository=event.repository,
        pull_number=event.pull_number,
        lane=work.remover.lane,
        status=Status.REMOVING,
        head_sha=event.head_sha,
        branch="",
        updated_at=now,
        requested_at=now,
        name=name,
        delivery=event.delivery,
    )
    record = adopted(found, orphan, event.schemas, reason, now)
    return work.places.registry.claim(record, [name], event=f"removing: {reason}")
