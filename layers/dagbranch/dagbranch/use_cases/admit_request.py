"""A commit that is to be deployed → a request for it on record, under a name of its own, or a place in the line."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.environments import Environment
from dagbranch.domain.life_cycle import requested, waiting
from dagbranch.domain.policy import Room, Wait
from dagbranch.domain.requests import EventKind, event_detail
from dagbranch.use_cases.intake_work import Case, Fetcher
from dagbranch.use_cases.note_request import note_request

_ADMISSION_SECONDS: Final = 15  # for reading the registry, and two writes


def admit_request(case: Case, guard: DataGuard | None, by: Fetcher) -> Environment | None:
    """The request on record; None where it has to wait for its turn.

    Where there are limits, one at a time: two that come at once must not both find the last place free.
    Raises NotOursError where no name is free, NotYetError while an older environment is being removed.
    """
    existing, pull, policy = case.existing, case.pull, by.intake.policy
    record = requested(existing, pull, by.intake.lane, case.event.delivery, by.now)
    asked = replace(case.wished(record), guard=guard)
    if (existing is not None and existing.is_live) or not policy.is_limited:
        return _request(asked, by)
    with by.leases.held(f"admission to {by.intake.lane}", _ADMISSION_SECONDS):
        wait = Room.of(by.registry.all(by.intake.lane)).wait_of((pull.repository_id, pull.number), policy)
        if wait is None:
            return _request(asked, by)
    _wait(case, wait, by)
    return None


def _wait(case: Case, wait: Wait, by: Fetcher) -> None:
    delivery = case.event.delivery
    record = waiting(case.existing, case.pull, by.intake.lane, wait.place, wait.reason, delivery, by.now)
    noted = by.registry.save(case.wished(record), event=f"waits: {wait.reason}")
    by.bus.publish(EventKind.WAITING, event_detail(noted, by.now, place=wait.place))
    by.telemetry.info("waits", reason=wait.reason)


def _request(asked: Environment, by: Fetcher) -> Environment:
    """Before any archive can be: whoever puts one, the guard stands in the registry."""
    return note_request(asked, registry=by.registry, dags=by.dags, artifacts=by.artifacts)
