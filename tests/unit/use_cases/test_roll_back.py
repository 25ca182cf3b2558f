from __future__ import annotations

import pytest

from dagbranch.domain.environments import Status
from dagbranch.domain.naming import CANARY
from tests.fakes.examples import FILES, FIRST, SECOND, THIRD
from tests.fakes.release_lanes import LaneInMemory, Lanes, two_lanes

HOLD = {"dagbranch": {"hold": True, "reason": "sale"}}
RELEASE_IT = {"dagbranch": {"hold": False, "reason": "over"}}
DROP = {"dagbranch": {"canary": "drop", "reason": "too slow"}}
TAKE = {"dagbranch": {"canary": True}}


@pytest.fixture
def lanes() -> Lanes:
    """Both commits had been ready in both lanes, the second one stands."""
    lanes = two_lanes()
    for head_sha in (FIRST, SECOND):
        lanes.stage.bring(head_sha, {**FILES, "dags/more.py": head_sha.encode()})
        lanes.promote(head_sha)
    return lanes


def archive_of(lane: LaneInMemory, head_sha: str) -> str:
    return next(key for key in lane.sources.objects if head_sha in key)


def removals(lane: LaneInMemory) -> list[int]:
    return [detail["pull_number"] for kind, detail in lane.bus.published if kind == "Removal Requested"]


@pytest.mark.parametrize("name", ["stage", "prod"])
def test_what_had_been_ready_here_comes_back_without_gates_and_is_held(lanes: Lanes, name: str) -> None:
    lane: LaneInMemory = getattr(lanes, name)
    lanes.github.checks[FIRST] = {"unit": "failed"}
    generation = lane.record.generation

    asked = lanes.deploy(name, FIRST)

    record = lane.record
    assert (record.status, record.head_sha, record.rolls_back) == (Status.REQUESTED, FIRST, True)
    assert (record.asked_digest, record.asked_by) == (lane.line(FIRST).source_digest, asked.id)
    assert (record.generation, record.promotion) == (generation + 1, lane.line(FIRST).promotion)
    assert record.held is not None
    assert (record.held.by, record.held.reason) == ("alice", "went back to 1111111")
    assert lane.sources.announced == [archive_of(lane, FIRST)]
    assert lane.deeds[-2:] == [("rolled back", "alice", "1"), ("held", "alice", "1")]


def test_its_readiness_says_that_it_came_back(lanes: Lanes) -> None:
    lanes.deploy("prod", FIRST)

    lanes.prod.work(lanes.prod.stand())

    assert (lanes.prod.line(FIRST).stands, lanes.prod.line(SECOND).stands) == (True, False)
    entry = lanes.prod.audit.told[-1]
    assert (entry.deed, entry.by, entry.details) == ("deployed", "dagbranch", "rolled back")


def test_the_reason_that_was_given_is_that_of_the_hold(lanes: Lanes) -> None:
    lanes.deploy("prod", FIRST, HOLD)

    assert lanes.prod.record.held is not None
    assert lanes.prod.record.held.reason == "sale"


def test_who_says_so_goes_back_without_a_hold(lanes: Lanes) -> None:
    lanes.deploy("prod", FIRST, RELEASE_IT)

    assert (lanes.prod.record.head_sha, lanes.prod.record.held) == (FIRST, None)
    assert ("held", "alice", "1") not in lanes.prod.deeds


def test_the_same_event_again_goes_back_once(lanes: Lanes) -> None:
    asked = lanes.deploy("prod", FIRST)
    deeds = list(lanes.prod.deeds)
    lanes.tell(asked)
    generation = lanes.prod.record.generation
    lanes.prod.work(lanes.prod.stand())

    lanes.tell(asked)

    assert (lanes.prod.record.status, lanes.prod.record.generation) == (Status.READY, generation)
    assert lanes.prod.deeds == [*deeds, ("deployed", "dagbranch", "1")]


def test_an_older_deployment_whose_event_comes_late_undoes_nothing(lanes: Lanes) -> None:
    older = lanes.github.deploy("prod", FIRST)
    lanes.stage.bring(THIRD)
    lanes.promote(THIRD)

    lanes.tell(older)
    lanes.prod.tick()

    assert (lanes.prod.record.head_sha, lanes.prod.record.held) == (THIRD, None)


def test_what_stands_already_answers_a_new_deployment(lanes: Lanes) -> None:
    before = lanes.prod.record

    asked = lanes.deploy("prod", SECOND)

    record = lanes.prod.record
    assert (record.status, record.generation, record.asked_by) == (Status.READY, before.generation, asked.id)
    assert lanes.prod.bus.kinds[-1] == "Report Requested"
    assert lanes.prod.record.held is None


def test_a_rollback_that_fails_is_not_tried_again_by_its_own_statuses(lanes: Lanes) -> None:
    asked = lanes.deploy("prod", FIRST)
    lanes.prod.fail("Databricks is gone")
    generation = lanes.prod.record.generation

    lanes.tell(asked)
    lanes.prod.tick()
    still = lanes.prod.record
    lanes.deploy("prod", FIRST)

    assert (still.status, still.generation) == (Status.FAILED, generation)
    assert (lanes.prod.record.status, lanes.prod.record.generation) == (Status.REQUESTED, generation + 1)


def test_a_rollback_whose_archive_is_gone_is_refused_and_nothing_is_held(lanes: Lanes) -> None:
    del lanes.prod.sources.objects[archive_of(lanes.prod, FIRST)]

    lanes.deploy("prod", FIRST)

    assert (lanes.prod.record.head_sha, lanes.prod.record.held) == (SECOND, None)
    judged = lanes.prod.line(FIRST).judged
    assert judged is not None
    assert (judged.verdict, "is gone" in judged.message, judged.target) == ("refused", True, "prod")
    assert lanes.prod.bus.kinds[-1] == "Release Judged"


def test_a_hold_is_put_and_released_by_deployments_of_what_stands(lanes: Lanes) -> None:
    lanes.deploy("prod", SECOND, HOLD)
    held = lanes.prod.record.held
    lanes.deploy("prod", SECOND, RELEASE_IT)

    assert held is not None
    assert (held.by, held.reason) == ("alice", "sale")
    assert lanes.prod.record.held is None
    assert lanes.prod.deeds[-2:] == [("held", "alice", "2"), ("released", "alice", "2")]
    assert lanes.prod.record.status == Status.READY


def test_an_older_word_on_a_hold_does_not_undo_a_newer_one(lanes: Lanes) -> None:
    older = lanes.github.deploy("prod", SECOND, HOLD)
    lanes.deploy("prod", SECOND, RELEASE_IT)

    lanes.tell(older)

    assert lanes.prod.record.held is None


def test_a_hold_before_anything_stands_holds_what_comes(lanes: Lanes) -> None:
    empty = two_lanes()
    empty.stage.bring(FIRST)
    asked = empty.github.deploy("prod", SECOND, HOLD)
    empty.prod.hear(asked)

    empty.deploy("prod", FIRST)
    empty.prod.arrive()

    assert list(empty.prod.registry.all("prod")) == []
    judged = empty.prod.line(FIRST).judged
    assert judged is not None
    assert judged.message.startswith("alice holds prod")
    assert lanes.prod.record.held is None


def test_a_release_of_stage_has_what_was_pushed_meanwhile_fetched(lanes: Lanes) -> None:
    lanes.deploy("stage", FIRST)
    lanes.stage.work(lanes.stage.stand())
    lanes.github.push(THIRD)

    lanes.deploy("stage", THIRD, RELEASE_IT)

    requests = [detail for kind, detail in lanes.stage.bus.published if kind == "Release Requested"]
    assert [(one["head_sha"], one["data"]["branch"]) for one in requests] == [(THIRD, "main")]
    assert lanes.stage.record.held is None


def test_stage_takes_no_commit_by_a_deployment_that_never_was_ready_there(lanes: Lanes) -> None:
    lanes.deploy("stage", THIRD)

    assert lanes.stage.record.head_sha == SECOND
    judged = lanes.stage.line(THIRD).judged
    assert judged is not None
    assert judged.message.startswith("it was never ready in stage")


def test_prod_leaves_what_never_came_to_it_to_stage(lanes: Lanes) -> None:
    asked = lanes.github.deploy("prod", THIRD)

    lanes.prod.hear(asked)

    assert lanes.prod.releases.get(asked.repository_id, THIRD) is None
    assert lanes.prod.record.head_sha == SECOND


def test_what_was_promoted_and_never_ready_is_tried_again_by_a_new_deployment(lanes: Lanes) -> None:
    lanes.stage.bring(THIRD)
    lanes.deploy("prod", THIRD)
    lanes.prod.arrive()
    lanes.prod.fail("Databricks is gone")

    asked = lanes.deploy("prod", THIRD)

    record = lanes.prod.record
    assert (record.status, record.head_sha, record.asked_by) == (Status.REQUESTED, THIRD, asked.id)
    assert (record.rolls_back, record.held) == (False, None)
    assert lanes.prod.sources.announced == [archive_of(lanes.prod, THIRD)]


def test_a_wrong_payload_of_what_prod_has_is_refused_by_prod(lanes: Lanes) -> None:
    lanes.deploy("prod", FIRST, {"dagbranch": {"skip": ["hold"]}})

    judged = lanes.prod.line(FIRST).judged
    assert judged is not None
    assert judged.message.startswith("dagbranch.skip: the gate hold is never skipped")
    assert (lanes.prod.record.head_sha, lanes.prod.record.held) == (SECOND, None)


def test_a_canary_is_dropped_by_a_deployment_that_says_so(lanes: Lanes) -> None:
    lanes.stage.bring(THIRD)
    lanes.deploy("prod", THIRD, TAKE)
    lanes.prod.arrive()
    lanes.prod.stand(CANARY)

    asked = lanes.deploy("prod", THIRD, DROP)
    lanes.tell(asked)

    assert lanes.prod.canary is not None
    assert lanes.prod.canary.unwanted == "alice dropped it: too slow"
    assert set(removals(lanes.prod)) == {CANARY}
    assert lanes.prod.deeds[-1] == ("dropped", "alice", "3")
    assert lanes.prod.record.head_sha == SECOND


def test_a_drop_that_comes_late_spares_a_newer_canary(lanes: Lanes) -> None:
    late = lanes.github.deploy("prod", SECOND, DROP)
    lanes.stage.bring(THIRD)
    lanes.deploy("prod", THIRD, TAKE)
    lanes.prod.arrive()

    lanes.tell(late)

    assert lanes.prod.canary is not None
    assert (lanes.prod.canary.unwanted, removals(lanes.prod)) == ("", [])


def test_what_a_push_has_brought_since_is_not_undone_by_a_late_rollback(lanes: Lanes) -> None:
    asked = lanes.deploy("stage", FIRST)
    lanes.stage.work(lanes.stage.stand())
    lanes.deploy("stage", FIRST, RELEASE_IT)
    lanes.stage.bring(THIRD)

    lanes.tell(asked)

    assert (lanes.stage.record.head_sha, lanes.stage.record.held) == (THIRD, None)
