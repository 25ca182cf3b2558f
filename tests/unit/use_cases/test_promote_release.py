"""Whatever promote_release does: done twice, or by a worker that died after any of its effects, it ends in the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dagbranch.domain.naming import CANARY
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.requests import DeploymentEvent
from dagbranch.errors import InvalidEventError, SupersededError
from tests.fakes.examples import FILES, FIRST, REPOSITORY, REPOSITORY_ID, SECOND, THIRD
from tests.fakes.faulty import Faulty, FaultyLeases, Invocation, KilledError, Outages
from tests.fakes.release_lanes import LaneInMemory, Lanes, pipeline_file, two_lanes

type Step = Callable[[], None]


def test_a_deployment_in_a_repository_that_is_not_on_the_list_asks_github_nothing() -> None:
    lanes = two_lanes()
    lanes.github.down = True

    lanes.stage.work(DeploymentEvent(1, "acme/other", 17, "prod", "delivery-1"))


def test_a_deployment_that_is_gone_is_nobodys() -> None:
    lanes = two_lanes()

    lanes.stage.work(DeploymentEvent(REPOSITORY_ID, REPOSITORY, 17, "prod", "delivery-1"))

    assert lanes.stage.audit.told == []


def test_an_event_of_another_repository_of_that_name_is_refused() -> None:
    lanes = two_lanes()
    asked = lanes.github.deploy("prod", FIRST)

    with pytest.raises(InvalidEventError, match=f"is the repository {REPOSITORY_ID}, not 1"):
        lanes.stage.work(DeploymentEvent(1, REPOSITORY, asked.id, "prod", "delivery-1"))


def passes(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST)
    asked = lanes.github.deploy("prod", FIRST)
    return lambda: lanes.stage.hear(asked)


def passes_and_ends_an_older_one(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST, pipeline_file(soak="1d"))
    lanes.deploy("prod", FIRST)
    lanes.stage.bring(SECOND)
    asked = lanes.github.deploy("prod", SECOND, {"dagbranch": {"hold": True, "skip": ["soak"], "reason": "sale"}})
    return lambda: lanes.stage.hear(asked)


def is_refused(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST)
    lanes.github.checks[FIRST] = {"unit": "failed"}
    asked = lanes.github.deploy("prod", FIRST)
    return lambda: lanes.stage.hear(asked)


def is_found_by_the_tick(lanes: Lanes) -> Step:
    lanes.stage.push(FIRST)
    lanes.stage.stand()
    lanes.github.deploy("prod", FIRST)
    return lanes.stage.tick


def passes_with_time(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST, pipeline_file(soak="1h"))
    lanes.deploy("prod", FIRST)
    lanes.clock.forward(3600)
    return lanes.stage.tick


def goes_on_by_itself(lanes: Lanes) -> Step:
    lanes.stage.push(FIRST, pipeline_file(auto="true"))
    event = lanes.stage.stand()
    return lambda: lanes.stage.work(event)


def is_left_to_the_next_lane_that_goes_back(lanes: Lanes) -> Step:
    asked = _two_promoted(lanes)
    return lambda: lanes.stage.hear(asked)


def goes_back(lanes: Lanes) -> Step:
    asked = _two_promoted(lanes)
    return lambda: lanes.prod.hear(asked)


def goes_back_in_stage(lanes: Lanes) -> Step:
    _two_promoted(lanes)
    asked = lanes.github.deploy("stage", FIRST, {"dagbranch": {"hold": True, "reason": "broken"}})
    return lambda: lanes.stage.hear(asked)


def is_found_to_go_back_by_the_tick(lanes: Lanes) -> Step:
    _two_promoted(lanes)
    return lanes.prod.tick


def _two_promoted(lanes: Lanes) -> Any:
    for head_sha in (FIRST, SECOND):
        lanes.stage.bring(head_sha, {**FILES, "dags/more.py": head_sha.encode()})
        lanes.promote(head_sha)
    return lanes.github.deploy("prod", FIRST)


def is_accepted(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST, {"dagbranch": {"hold": True, "reason": "sale"}})
    return lanes.prod.arrive


def is_accepted_as_a_canary(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST, {"dagbranch": {"canary": True}})
    return lanes.prod.arrive


def is_kept_out(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST)
    lanes.stage.bring(SECOND)
    held = lanes.github.deploy("prod", FIRST, {"dagbranch": {"hold": True, "reason": "sale"}})
    lanes.prod.hear(held)
    lanes.deploy("prod", SECOND)
    return lanes.prod.arrive


def is_ready_in_the_place_of_another(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST)
    lanes.stage.push(SECOND)
    event = lanes.stage.stand()
    return lambda: lanes.stage.work(event)


def is_the_release_and_the_canary(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST, {"dagbranch": {"canary": True}})
    lanes.prod.arrive()
    lanes.prod.stand(CANARY)
    lanes.deploy("prod", FIRST)
    lanes.prod.arrive()
    event = lanes.prod.stand()
    return lambda: lanes.prod.work(event)


def is_dropped(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST, {"dagbranch": {"canary": True}})
    lanes.prod.arrive()
    lanes.prod.stand(CANARY)
    asked = lanes.github.deploy("prod", FIRST, {"dagbranch": {"canary": "drop"}})
    return lambda: lanes.prod.hear(asked)


def is_repaired(lanes: Lanes) -> Step:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST)
    event = lanes.prod.drift()
    return lambda: lanes.prod.work(event)


def is_released(lanes: Lanes) -> Step:
    asked = _two_promoted(lanes)
    lanes.tell(asked)
    lanes.prod.work(lanes.prod.stand())
    over = lanes.github.deploy("prod", FIRST, {"dagbranch": {"hold": False, "reason": "mended"}})
    return lambda: lanes.prod.hear(over)


def is_tried_again(lanes: Lanes) -> Step:
    lanes.stage.bring(THIRD)
    lanes.deploy("prod", THIRD)
    lanes.prod.arrive()
    lanes.prod.fail("Databricks is gone")
    asked = lanes.github.deploy("prod", THIRD)
    return lambda: lanes.prod.hear(asked)


SCENES = [
    passes,
    passes_and_ends_an_older_one,
    is_refused,
    is_found_by_the_tick,
    passes_with_time,
    goes_on_by_itself,
    is_left_to_the_next_lane_that_goes_back,
    goes_back,
    goes_back_in_stage,
    is_found_to_go_back_by_the_tick,
    is_accepted,
    is_accepted_as_a_canary,
    is_kept_out,
    is_ready_in_the_place_of_another,
    is_the_release_and_the_canary,
    is_dropped,
    is_repaired,
    is_released,
    is_tried_again,
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_what_is_done_twice_ends_as_what_is_done_once(scene: Callable[[Lanes], Step]) -> None:
    lanes = two_lanes()
    step = scene(lanes)
    step()
    once = state(lanes)

    for _ in range(2):
        lanes.clock.forward(10)
        step()

    assert state(lanes) == once


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_worker_that_dies_after_any_effect_leaves_nothing_that_the_next_one_does_not_end(
    scene: Callable[[Lanes], Step],
) -> None:
    lanes = two_lanes()
    scene(lanes)()
    wanted = state(lanes)

    effects = 0
    is_whole = False
    while not is_whole:
        effects += 1
        lanes = two_lanes()
        step = scene(lanes)
        is_whole = not dies(lanes, step, after=effects)
        lanes.clock.forward(10)
        free_leases(lanes)
        again(step)
        assert state(lanes) == wanted, f"after {effects} effects"

    assert effects > 3


def dies(lanes: Lanes, step: Step, after: int) -> bool:
    """Whether there were so many effects to die after."""
    around: list[LaneInMemory] = [lanes.stage, lanes.prod]
    invocation = Invocation(lambda _: step(), Outages(), dies_at=after)

    def wrapped(name: str, port: Any) -> Any:
        return FaultyLeases(port, name, invocation) if name == "leases" else Faulty(port, name, invocation)

    for lane in around:
        lane.around = wrapped
    invocation.go_on()
    for lane in around:
        lane.around = lambda _, port: port
    assert invocation.error is None or isinstance(invocation.error, KilledError), invocation.error
    return invocation.is_killed


def again(step: Step) -> None:
    """The queue brings it again; what has been overtaken by its own work is at its end."""
    try:
        step()
    except SupersededError as error:
        raise AssertionError("it overtook itself") from error


def free_leases(lanes: Lanes) -> None:
    """As time frees what a worker that was killed has held."""
    for lane in (lanes.stage, lanes.prod):
        lane.leases.held_until.clear()
        lane.leases.holders.clear()


def state(lanes: Lanes) -> dict[str, Any]:
    """All that stays, but for the times, and how often somebody was told."""
    return {lane.lane: _state_of(lane) for lane in (lanes.stage, lanes.prod)}


def _state_of(lane: LaneInMemory) -> dict[str, Any]:
    return {
        "records": {
            one.pull_number: (
                one.status,
                one.head_sha,
                one.generation,
                one.asked_digest,
                one.asked_by,
                one.rolls_back,
                one.held and (one.held.by, one.held.reason),
                one.unwanted,
                one.promotion and one.promotion.deployment_id,
            )
            for one in lane.registry.all(lane.lane)
        },
        "ledger": {
            one.head_sha: (
                one.stands,
                one.was_ready,
                one.source_digest,
                one.judged and (one.judged.news, one.judged.is_settled),
                one.handed,
                one.answered,
                one.hold_here,
                one.hold_next,
                one.promotion and one.promotion.deployment_id,
            )
            for one in lane.releases.of(REPOSITORY_ID)
        },
        "audit": sorted((one.deed, one.by, one.head_sha, one.details) for one in lane.audit.told),
        "archives": {
            key: (Promotion.parse(signed.text).deployment_id, Promotion.parse(signed.text).skipped)
            for key, signed in lane.sources.promotions.items()
        },
        "announced": set(lane.sources.announced),
        "told": {kind for kind, _ in lane.bus.published},
    }
