"""What has to hold of the simulated lanes: at every moment, and once the faults have stopped and they are at rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.ownership import Owner
from dagbranch.domain.releases import Release
from tests.fakes.examples import REPOSITORY_ID
from tests.histories.simulated_lanes import SimulatedLane, SimulatedLanes
from tests.histories.watched_places import zips_of

_MINUTE, _DAY = 60.0, 86_400.0
# The sweep takes what has not moved for 45 minutes as stuck; the longest soak is two hours.
_LATER: Final = (50 * _MINUTE, 50 * _MINUTE, 130 * _MINUTE, 50 * _MINUTE, _DAY, 50 * _MINUTE)
FORGED: Final = b"forged"  # what a zip begins with that somebody has overwritten: it still is one


@dataclass
class Watch:
    """``meddled``: the zips that somebody has overwritten by hand since, by lane and name."""

    lanes: SimulatedLanes
    meddled: set[tuple[str, str]] = field(default_factory=set)

    def check(self) -> None:
        for lane in self.lanes.lanes:
            if lane.worst is not None:
                raise lane.worst
            lane.dags.check_foreign()
            for name, owner, head_sha, digest in _standing(lane):
                self._check_right(lane, name, owner, head_sha, digest)

    def _check_right(self, lane: SimulatedLane, name: str, owner: Owner, head_sha: str, digest: str) -> None:
        """What stands is of the default branch, and in prod what stage has signed for exactly that place."""
        assert head_sha in self.lanes.github.history, f"{lane.lane}: {name} is of {head_sha[:7]}, which nobody merged"
        content = lane.dags.objects[f"{name}.zip"].content
        if content.startswith(FORGED):
            assert (lane.lane, name) in self.meddled, f"{lane.lane}: a forged zip stands as {name}"
            return
        if lane.is_first:
            assert owner.pull_number == RELEASE, f"{name} is a canary in the first lane"
            return
        signed = {(one.head_sha, one.source_digest, one.key.pull_number): one for one in self.lanes.signer.signed}
        promotion = signed.get((head_sha, digest, owner.pull_number))
        assert promotion is not None, f"{name} stands at {head_sha[:7]} in {digest[:7]}, which nobody promoted"
        assert promotion.zip_sha256 == hashlib.sha256(content).hexdigest(), f"{name} has other bytes than stage's"


def come_to_rest(lanes: SimulatedLanes, watch: Watch) -> None:
    """The faults stop, the schedules come, and nobody does anything any more."""
    lanes.outages.end()
    for lane in lanes.lanes:
        for worker in list(lane.workers):
            lane.go_on(worker)
    for seconds in _LATER:
        lanes.rest()
        watch.check()
        lanes.pass_time(seconds)
        for lane in lanes.lanes:
            lane.sweep()
            lane.tick()
    lanes.rest()
    watch.check()


def check_at_rest(lanes: SimulatedLanes) -> None:
    for lane in lanes.lanes:
        assert not lane.messages, f"{lane.lane} is not at rest: {lane.messages[:3]}"
        for record in lane.registry.records:
            assert record.status in {Status.READY, Status.FAILED, Status.REMOVED, Status.REFUSED}, told(record)
        _check_bytes(lane)
        _check_ledger(lane)
        _check_audit(lane)
    _check_stage(lanes)
    _check_prod(lanes)


def told(record: Environment) -> str:
    return (
        f"{record.lane} {record.name} is {record.status} at {record.head_sha[-4:]} (request {record.generation}, "
        f"deployment {record.asked_by}, held {record.held}): {record.message}"
    )


def _standing(lane: SimulatedLane) -> Iterator[tuple[str, Owner, str, str]]:
    for name, one in zips_of(lane.dags.objects).items():
        owner = Owner.of(one.marker)
        if owner is not None and owner.repository_id == REPOSITORY_ID:
            yield name, owner, one.marker["dagbranch-head-sha"], one.marker["dagbranch-source-digest"]


def _check_bytes(lane: SimulatedLane) -> None:
    """What is ready stands, in the bytes on record."""
    for record in lane.registry.records:
        if record.status != Status.READY:
            continue
        assert record.pipeline is not None, told(record)
        content = lane.dags.objects[f"{record.name}.zip"].content
        assert hashlib.sha256(content).hexdigest() == record.pipeline.zip_sha256, f"not repaired: {told(record)}"
        assert lane.dags.configuration(record.claimed_name, record.pipeline.source_digest), told(record)


def _check_ledger(lane: SimulatedLane) -> None:
    """It knows what stands, and that nothing else does."""
    lines = [one for one in lane.ledger.of(REPOSITORY_ID) if one.stands]
    record = lane.release
    if record is not None and record.status == Status.READY:
        assert [one.head_sha for one in lines] == [record.head_sha], f"{told(record)}, and the ledger has {lines}"
    assert len(lines) <= 1, lines


def _check_audit(lane: SimulatedLane) -> None:
    """All that was ever ready here is told of."""
    entries = {(one.head_sha, one.deed) for one in lane.audit.told}
    ready = {head_sha for number, head_sha in lane.registry.was_ready if number == RELEASE}
    missing = [head_sha for head_sha in ready if (head_sha, "deployed") not in entries]
    assert not missing, f"{lane.lane}: nothing tells that {missing} stood"
    canaries = {head_sha for number, head_sha in lane.registry.was_ready if number == CANARY}
    assert not [one for one in canaries if (one, "canary") not in entries], f"a canary of {canaries} is not told of"


def _check_stage(lanes: SimulatedLanes) -> None:
    """Where nobody holds it, it is at the newest commit, or that has failed."""
    record = lanes.stage.release
    assert record is not None, "nothing came to stage"
    if record.held is None and not record.rolls_back:
        assert record.head_sha == lanes.github.history[-1], told(record)


def _check_prod(lanes: SimulatedLanes) -> None:
    """Nothing that was promoted for a newer deployment than what stands there is left behind."""
    record, promoted = lanes.prod.release, [one for one in lanes.stage.ledger.of(REPOSITORY_ID) if _is_promoted(one)]
    newest = max((one.judged.deployment_id for one in promoted if one.judged), default=0)
    if not promoted:
        return
    refused = [one.judged for one in lanes.prod.ledger.of(REPOSITORY_ID) if one.judged is not None]
    if any(one.deployment_id >= newest for one in refused):
        return
    assert record is not None, f"{[one.head_sha for one in promoted]} was promoted, and prod has nothing"
    assert (record.asked_by or 0) >= newest, f"deployment {newest} was promoted, and {told(record)}"


def _is_promoted(line: Release) -> bool:
    judged = line.judged
    return judged is not None and judged.verdict == "promoted" and not judged.is_canary
