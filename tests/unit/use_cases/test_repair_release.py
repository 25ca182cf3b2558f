from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dagbranch.domain.environments import Status
from dagbranch.domain.naming import CANARY
from dagbranch.domain.requests import EnvironmentEvent
from dagbranch.errors import SupersededError
from tests.fakes.buckets import stored
from tests.fakes.examples import FIRST, SECOND
from tests.fakes.release_lanes import Lanes, two_lanes


@pytest.fixture
def lanes() -> Lanes:
    lanes = two_lanes()
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST)
    return lanes


def test_what_has_drifted_is_deployed_again_from_its_own_archive(lanes: Lanes) -> None:
    before, line = lanes.prod.record, lanes.prod.line(FIRST)
    drift = lanes.prod.drift()

    lanes.prod.work(drift)
    asked = lanes.prod.record
    lanes.clock.forward(60)
    lanes.prod.work(lanes.prod.stand())

    assert (asked.status, asked.generation) == (Status.REQUESTED, before.generation + 1)
    assert (asked.asked_digest, asked.promotion) == (before.asked_digest, before.promotion)
    assert asked.asked_by == before.asked_by
    assert lanes.prod.sources.announced == list(lanes.prod.sources.objects)
    assert lanes.prod.line(FIRST).ready_at == line.ready_at
    assert [deed for deed, _, _ in lanes.prod.deeds] == ["deployed", "repaired"]


def test_what_cannot_be_repaired_is_told(lanes: Lanes) -> None:
    """Somebody has overwritten the archive, too: nothing is made of that."""
    (key,) = lanes.prod.sources.objects
    lanes.prod.sources.objects[key] = stored(b"other bytes", {})

    lanes.prod.work(lanes.prod.drift())

    assert lanes.prod.record.status == Status.FAILED
    assert lanes.prod.record.message.startswith("what stands is not what was deployed, and cannot be deployed again")
    assert lanes.prod.sources.announced == []
    assert "Failed" in lanes.prod.bus.kinds


def test_a_hold_stays(lanes: Lanes) -> None:
    lanes.deploy("prod", FIRST, {"dagbranch": {"hold": True}})
    held = lanes.prod.record.held

    lanes.prod.work(lanes.prod.drift())

    assert lanes.prod.record.held == held


def test_the_same_request_again_repairs_once(lanes: Lanes) -> None:
    drift = lanes.prod.drift()
    lanes.prod.work(drift)
    generation = lanes.prod.record.generation

    lanes.prod.work(drift)
    lanes.prod.stand()
    lanes.prod.work(drift)

    assert lanes.prod.record.generation == generation
    assert [deed for deed, _, _ in lanes.prod.deeds].count("repaired") == 1


def test_what_something_newer_was_asked_for_since_is_left(lanes: Lanes) -> None:
    drift = lanes.prod.drift()
    lanes.stage.bring(SECOND)
    lanes.promote(SECOND)

    with pytest.raises(SupersededError):
        lanes.prod.work(drift)

    assert (lanes.prod.record.head_sha, lanes.prod.record.status) == (SECOND, Status.READY)


def test_a_canary_is_repaired_as_well(lanes: Lanes) -> None:
    lanes.stage.bring(SECOND)
    lanes.deploy("prod", SECOND, {"dagbranch": {"canary": True}})
    lanes.prod.arrive()
    lanes.prod.stand(CANARY)

    lanes.prod.work(lanes.prod.drift(CANARY))

    assert lanes.prod.canary is not None
    assert (lanes.prod.canary.status, lanes.prod.canary.head_sha) == (Status.REQUESTED, SECOND)
    assert "/canary/" in lanes.prod.sources.announced[-1]


def stuck(lanes: Lanes, **different: Any) -> EnvironmentEvent:
    """The newest commit is asked for in stage, and some message of it was lost; what the sweep then asks for."""
    lanes.stage.bring(SECOND)
    record = lanes.stage.registry.update(
        lanes.stage.record, lambda newest: replace(newest, **{"status": Status.DEPLOYING, **different}), event=""
    )
    return replace(lanes.stage.drift(), generation=record.generation, head_sha=record.head_sha)


def test_what_got_stuck_is_told_of_again_under_the_same_request(lanes: Lanes) -> None:
    sweeps = stuck(lanes)
    before = lanes.stage.record

    lanes.stage.work(sweeps)

    assert lanes.stage.sources.announced[-1].endswith(f"/{before.head_sha}/{before.asked_digest}.zip")
    assert lanes.stage.record.generation == before.generation


@pytest.mark.parametrize("digest", [None, "f" * 64], ids=["was never made", "was never put"])
def test_what_got_stuck_without_an_archive_is_fetched_again_in_the_first_lane(lanes: Lanes, digest: str | None) -> None:
    sweeps = stuck(lanes, asked_digest=digest)
    lanes.stage.bus.published.clear()

    lanes.stage.work(sweeps)

    assert "Release Requested" in lanes.stage.bus.kinds
