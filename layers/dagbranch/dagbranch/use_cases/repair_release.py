"""The sweep has found what stands here other than it should, or stuck → its archive is deployed again."""

from __future__ import annotations

from typing import Final

from dagbranch.domain import audit
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.requests import EnvironmentEvent
from dagbranch.errors import SourceError, SupersededError
from dagbranch.use_cases.note_failure import note_failure
from dagbranch.use_cases.promotion_work import Promoter
from dagbranch.use_cases.request_release import Wanted, request_release

_STANDS: Final = frozenset({Status.READY, Status.FAILED})
_UNDER_WAY: Final = frozenset({Status.REQUESTED, Status.DEPLOYING})


def repair_release(event: EnvironmentEvent, by: Promoter) -> None:
    """Raises SupersededError where something newer was asked for since the sweep looked."""
    with by.at_work_on(event.repository_id):
        record = by.registry.get(event.repository_id, event.pull_number)
        if record is not None and record.status in _UNDER_WAY and record.generation == event.generation:
            _push_on(record, by)
        elif record is None or not record.is_live or record.asked_digest is None:
            by.telemetry.info("there is nothing to repair")
        else:
            _repair(record, record.asked_digest, event, by)


def _note_failure(record: Environment, why: str, by: Promoter) -> None:
    """Without the archive it was made of, what stands stays as somebody has left it: people have to know."""
    note_failure(
        record,
        "cannot be repaired",
        f"what stands is not what was deployed, and cannot be deployed again: {why}",
        registry=by.registry,
        bus=by.bus,
        telemetry=by.telemetry,
        now=by.now,
    )


def _push_on(record: Environment, by: Promoter) -> None:
    """It got stuck: a message was lost, or a worker died for good, perhaps before there was an archive."""
    try:
        _announce(record, by)
    except SupersededError:
        branch = by.github.default_branch(record.repository)
        if not by.first_release_lane or branch is None:
            raise
        by.have_head_fetched(branch)
    by.telemetry.count("ReleasePushedOn")


def _announce(record: Environment, by: Promoter) -> None:
    if record.asked_digest is None:
        raise SupersededError("its archive was never made")
    by.sources.announce(SourceArchiveKey(record.repository, record.pull_number, record.head_sha, record.asked_digest))


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
        try:
            record = request_release(wanted, record, by)
        except (SourceError, SupersededError) as error:
            _note_failure(record, str(error), by)
            return
    if record.delivery != delivery:
        raise SupersededError("something newer has been asked for since the sweep looked")
    if record.status == Status.REQUESTED:
        _announce(record, by)
    by.note([audit.repaired(record, "what stood was not what was deployed")])
    by.have_it_told(record)
    by.telemetry.count("ReleaseRepaired")
