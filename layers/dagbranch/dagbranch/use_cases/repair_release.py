"""The sweep has found what stands here other than it should → its archive is deployed again, under a new request."""

from __future__ import annotations

from typing import Final

from dagbranch.domain import audit
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.requests import EnvironmentEvent
from dagbranch.errors import SupersededError
from dagbranch.use_cases.promotion_work import Promoter
from dagbranch.use_cases.request_release import Wanted, request_release

_STANDS: Final = frozenset({Status.READY, Status.FAILED})


def repair_release(event: EnvironmentEvent, by: Promoter) -> None:
    """Raises SupersededError where something newer was asked for since the sweep looked."""
    with by.at_work_on(event.repository_id):
        record = by.registry.get(event.repository_id, event.pull_number)
        if record is None or not record.is_live or record.asked_digest is None:
            by.telemetry.info("there is nothing to repair")
            return
        _repair(record, record.asked_digest, event, by)


def _repair(record: Environment, digest: str, event: EnvironmentEvent, by: Promoter) -> None:
    delivery = f"repair of request {event.generation}"
    key = SourceArchiveKey(record.repository, record.pull_number, record.head_sha, digest)
    if record.generation == event.generation and record.status in _STANDS:
        wanted = Wanted(
            repository_id=record.repository_id,
            key=key,
            branch=record.branch,
            delivery=delivery,
            promotion=record.promotion,
            deployment_id=record.deployment_id,
            rolls_back=record.rolls_back,
            held=record.held,
        )
        record = request_release(wanted, record, by)
    if record.delivery != delivery:
        raise SupersededError("something newer has been asked for since the sweep looked")
    if record.status == Status.REQUESTED:
        by.sources.announce(key)
    by.note([audit.repaired(record, "what stood was not what was deployed")])
    by.have_it_told(record)
    by.telemetry.count("ReleaseRepaired")
