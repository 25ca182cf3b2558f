from __future__ import annotations

import pytest

from dagbranch.domain.environments import Status
from dagbranch.errors import TransientUpstreamError
from tests.fakes.examples import FIRST, REPOSITORY_ID, SECOND
from tests.fakes.release_lanes import Lanes, two_lanes


@pytest.fixture
def lanes() -> Lanes:
    return two_lanes()


def fetched(lanes: Lanes) -> list[str]:
    return [detail["head_sha"] for kind, detail in lanes.stage.bus.published if kind == "Release Requested"]


def test_a_push_that_was_missed_is_fetched(lanes: Lanes) -> None:
    lanes.github.push(FIRST)
    lanes.stage.tick()
    lanes.stage.bring(FIRST)
    lanes.stage.tick()
    lanes.github.push(SECOND)
    lanes.stage.tick()

    assert fetched(lanes) == [FIRST, SECOND]


def test_what_is_held_is_not_fetched_and_prod_fetches_nothing(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST)
    lanes.deploy("stage", FIRST, {"dagbranch": {"hold": True}})
    lanes.github.push(SECOND)

    lanes.stage.tick()
    lanes.prod.tick()

    assert fetched(lanes) == []
    assert "Release Requested" not in lanes.prod.bus.kinds


def test_a_readiness_that_no_event_told_of_is_noted(lanes: Lanes) -> None:
    lanes.stage.push(FIRST)
    lanes.stage.stand()

    lanes.stage.tick()

    assert lanes.stage.line(FIRST).stands


def test_a_rollback_that_no_event_told_of_is_answered(lanes: Lanes) -> None:
    for head_sha in (FIRST, SECOND):
        lanes.stage.bring(head_sha)
        lanes.promote(head_sha)
    lanes.github.deploy("prod", FIRST)

    lanes.prod.tick()

    assert (lanes.prod.record.head_sha, lanes.prod.record.status) == (FIRST, Status.REQUESTED)


def test_what_is_at_rest_is_told_to_nobody(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST)
    lanes.stage.tick()
    lanes.prod.tick()
    told = len(lanes.stage.bus.published), len(lanes.prod.bus.published)

    for _ in range(3):
        lanes.clock.forward(300)
        lanes.stage.tick()
        lanes.prod.tick()

    assert (len(lanes.stage.bus.published), len(lanes.prod.bus.published)) == told


def test_a_repository_that_github_does_not_have_is_passed_over(lanes: Lanes) -> None:
    lanes.stage.tick()

    assert lanes.stage.telemetry.counted == ["ReleaseTick"]
    assert lanes.stage.bus.published == []


def test_what_cannot_be_asked_is_told_at_the_end(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.github.down = True

    with pytest.raises(TransientUpstreamError, match="GitHub answered 500"):
        lanes.stage.tick()

    assert "ReleaseTick" not in lanes.stage.telemetry.counted


def test_what_another_worker_is_at_is_left_to_it(lanes: Lanes) -> None:
    lanes.stage.push(FIRST)
    lanes.stage.stand()

    with lanes.stage.leases.held(f"releases of {REPOSITORY_ID}", 60):
        lanes.stage.tick()

    assert lanes.stage.releases.get(REPOSITORY_ID, FIRST) is None


def test_a_deployment_that_was_deleted_while_it_waited_has_ended(lanes: Lanes) -> None:
    lanes.github.push(FIRST)
    asked = lanes.deploy("prod", FIRST)
    del lanes.github.deployments[asked.id]

    lanes.stage.tick()

    judged = lanes.stage.line(FIRST).judged
    assert judged is not None
    assert (judged.verdict, judged.message) == ("ended", "its deployment is gone")
