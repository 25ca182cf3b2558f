from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dagbranch.domain.naming import CANARY
from dagbranch.errors import NotYetError
from tests.fakes.examples import FILES, FIRST, NOW, REPOSITORY_ID, SECOND
from tests.fakes.release_lanes import Lanes, two_lanes


@pytest.fixture
def lanes() -> Lanes:
    return two_lanes()


def test_what_is_ready_stands_in_the_ledger_with_its_digests(lanes: Lanes) -> None:
    lanes.stage.push(FIRST)

    lanes.stage.work(lanes.stage.stand())

    line, record = lanes.stage.line(FIRST), lanes.stage.record
    assert (line.source_digest, line.ready_at, line.until) == (record.asked_digest, NOW, None)
    assert record.pipeline is not None
    assert (line.zip_sha256, line.version) == (record.pipeline.zip_sha256, "0.1.0")


def test_what_takes_its_place_ends_its_time(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.clock.forward(600)

    lanes.stage.bring(SECOND)

    assert lanes.stage.line(FIRST).until == lanes.stage.line(SECOND).ready_at == NOW + timedelta(minutes=10)
    assert (lanes.stage.line(FIRST).stands, lanes.stage.line(SECOND).stands) == (False, True)


def test_the_same_readiness_told_again_changes_nothing(lanes: Lanes) -> None:
    lanes.stage.push(FIRST)
    event = lanes.stage.stand()
    lanes.stage.work(event)
    before, deeds = lanes.stage.line(FIRST), list(lanes.stage.deeds)

    lanes.clock.forward(60)
    lanes.stage.work(event)
    lanes.stage.work(lanes.stage.stand())

    assert (lanes.stage.line(FIRST), lanes.stage.deeds) == (before, deeds)


def test_a_readiness_that_is_told_late_does_not_bring_back_what_was_replaced(lanes: Lanes) -> None:
    lanes.stage.push(FIRST)
    late = lanes.stage.stand()
    lanes.stage.bring(SECOND)

    lanes.stage.work(late)

    assert lanes.stage.releases.get(REPOSITORY_ID, FIRST) is None
    assert lanes.stage.line(SECOND).stands


def test_a_readiness_that_is_told_while_the_next_one_is_on_its_way_counts(lanes: Lanes) -> None:
    lanes.stage.push(FIRST)
    event = lanes.stage.stand()
    lanes.stage.push(SECOND)

    lanes.stage.work(event)

    assert lanes.stage.line(FIRST).stands


def test_what_comes_back_soaks_anew(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.stage.bring(SECOND)
    lanes.clock.forward(3600)
    lanes.deploy("stage", FIRST)

    lanes.stage.work(lanes.stage.stand())

    line = lanes.stage.line(FIRST)
    assert (line.ready_at, line.until) == (NOW + timedelta(hours=1), None)


def test_a_canary_and_what_is_not_ready_are_in_no_ledger(lanes: Lanes) -> None:
    lanes.stage.push(FIRST)
    ready = lanes.stage.stand()
    lanes.stage.push(SECOND)

    lanes.stage.work(lanes.stage.fail("broken"))
    lanes.stage.work(replace(ready, pull_number=CANARY))

    assert lanes.stage.releases.get(REPOSITORY_ID, SECOND) is None


def test_one_worker_at_a_time_is_at_a_repository(lanes: Lanes) -> None:
    lanes.stage.push(FIRST, FILES)
    event = lanes.stage.stand()

    with lanes.stage.leases.held(f"releases of {REPOSITORY_ID}", 60), pytest.raises(NotYetError):
        lanes.stage.work(event)

    lanes.stage.work(event)
    assert lanes.stage.line(FIRST).stands
