from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.policy import (
    Policy,
    Room,
    is_dismissed,
    reason_to_end,
    reason_to_remove,
    to_look_at_again,
    whose_turn_it_is,
)
from tests.fakes.examples import FIRST, NOW, SECOND, a_pull_request, an_environment

POLICY = Policy(expire_after=timedelta(days=14), keep_label="keep-environment")
KEPT = frozenset({"keep-environment"})
LONG_AGO = NOW - timedelta(days=14, seconds=1)


def unused(**different: Any) -> Environment:
    return an_environment(**{"status": Status.READY, "requested_at": LONG_AGO, **different})


# Expiry


@pytest.mark.parametrize("pull", [None, a_pull_request(is_open=False)])
def test_what_has_no_open_pull_request_has_to_go(pull: Any) -> None:
    assert reason_to_remove(an_environment(), pull, POLICY, NOW) == "its pull request is not open"


def test_what_nobody_asked_anything_of_for_long_expires() -> None:
    assert reason_to_remove(unused(), a_pull_request(), POLICY, NOW) == (
        "nobody has asked for anything of it for 14 days"
    )
    assert reason_to_remove(unused(requested_at=NOW - timedelta(days=14)), a_pull_request(), POLICY, NOW) is None


@pytest.mark.parametrize(
    "environment",
    [unused(reset_at=NOW), unused(head_sha=SECOND), unused(status=Status.WAITING)],
    ids=["its data was made anew", "it has a newer commit", "it waits for its turn"],
)
def test_what_somebody_wants_something_of_does_not_expire(environment: Environment) -> None:
    assert reason_to_remove(environment, a_pull_request(), POLICY, NOW) is None


def test_a_label_keeps_an_environment_and_so_does_a_policy_without_expiry() -> None:
    assert reason_to_remove(unused(), a_pull_request(labels=KEPT), POLICY, NOW) is None
    assert reason_to_remove(unused(), a_pull_request(), Policy(), NOW) is None


def test_what_somebody_asked_to_keep_does_not_expire() -> None:
    assert reason_to_remove(unused(is_kept=True), a_pull_request(), POLICY, NOW) is None
    assert reason_to_remove(unused(is_kept=True), None, POLICY, NOW) == "its pull request is not open"


def test_what_is_unwanted_has_to_go_whoever_keeps_it() -> None:
    environment = unused(unwanted="no label", is_kept=True)

    assert reason_to_remove(environment, a_pull_request(labels=KEPT), POLICY, NOW) == "no label"
    assert reason_to_remove(environment, None, POLICY, NOW) == "its pull request is not open"


def test_no_label_brings_back_what_a_person_had_removed() -> None:
    gone = an_environment(status=Status.REMOVED, dismissed=FIRST, unwanted="alice asked for its removal")

    assert is_dismissed(gone, a_pull_request(labels=KEPT), POLICY)
    assert not is_dismissed(gone, a_pull_request(head_sha=SECOND), POLICY)


def test_an_expired_commit_is_not_deployed_again_until_something_asks_for_it() -> None:
    expired = an_environment(status=Status.REMOVED, dismissed=FIRST)

    assert is_dismissed(expired, a_pull_request(), POLICY)
    assert not is_dismissed(expired, a_pull_request(head_sha=SECOND), POLICY)
    assert not is_dismissed(expired, a_pull_request(labels=KEPT), POLICY)
    assert not is_dismissed(an_environment(status=Status.REMOVED), a_pull_request(), POLICY)
    assert not is_dismissed(None, a_pull_request(), POLICY)


# The line


def waiting(number: int, minute: int = 0, message: str = "") -> Environment:
    return an_environment(
        pull_number=number,
        status=Status.WAITING,
        name=None,
        message=message,
        requested_at=NOW + timedelta(minutes=minute),
    )


def standing(number: int, dags: int = 0, status: Status = Status.READY) -> Environment:
    return an_environment(pull_number=number, status=status, dag_ids=tuple(f"dag_{one}" for one in range(dags)))


def test_nobody_waits_where_there_is_room() -> None:
    room = Room.of([standing(1)])

    assert room.wait_of((4711, 2), Policy()) is None
    assert room.wait_of((4711, 2), Policy(most_environments=2)) is None


def test_who_finds_the_server_full_is_told_why_and_the_place() -> None:
    wait = Room.of([standing(1), waiting(2)]).wait_of((4711, 3), Policy(most_environments=1))

    assert wait is not None
    assert wait.place == 2
    assert wait.reason == "the server has room for 1 environments, and 1 stand; place 2 in the line"


def test_who_has_waited_longest_is_next_and_a_newcomer_does_not_overtake() -> None:
    known = [standing(1), waiting(3, minute=1), waiting(2, minute=2), waiting(4, minute=0)]
    policy = Policy(most_environments=3)

    assert [one.pull_number for one in whose_turn_it_is(known, policy)] == [4, 3]
    assert Room.of(known).wait_of((4711, 9), policy) is not None


def test_what_is_being_removed_still_takes_its_place() -> None:
    assert whose_turn_it_is([standing(1, status=Status.REMOVING), waiting(2)], Policy(most_environments=1)) == []
    assert whose_turn_it_is([standing(1, status=Status.REMOVED), waiting(2)], Policy(most_environments=1)) != []


def test_a_paused_intake_lets_nobody_in() -> None:
    wait = Room.of([]).wait_of((4711, 1), Policy(is_paused=True))

    assert wait is not None
    assert wait.reason.startswith("the intake is paused by the owner of the stack")
    assert whose_turn_it_is([waiting(2)], Policy(is_paused=True)) == []


def test_dags_that_are_to_come_are_expected_to_be_as_many_as_usual() -> None:
    known = [standing(1, dags=5), standing(2, dags=6), standing(3, status=Status.DEPLOYING)]

    assert whose_turn_it_is([*known, waiting(4)], Policy(most_dags=23)) == [waiting(4)]
    assert whose_turn_it_is([*known, waiting(4)], Policy(most_dags=22)) == []
    assert whose_turn_it_is([*known, waiting(4), waiting(5)], Policy(most_dags=23)) == [waiting(4)]


def test_an_empty_server_takes_the_first_whatever_its_limit() -> None:
    assert whose_turn_it_is([waiting(1), waiting(2)], Policy(most_dags=0)) == [waiting(1)]


def test_those_in_front_are_told_when_their_place_or_the_reason_changes() -> None:
    policy = Policy(most_environments=1)
    told = "the server has room for 1 environments, and 1 stand; place 1 in the line"

    assert to_look_at_again([standing(1), waiting(2, message=told)], policy) == []
    assert to_look_at_again([standing(1), waiting(2, message="place 2")], policy) != []
    assert to_look_at_again([waiting(2, message=told)], policy) != []


@given(
    st.lists(st.sampled_from(Status), max_size=30),
    st.builds(
        Policy,
        most_environments=st.none() | st.integers(1, 10),
        most_dags=st.none() | st.integers(1, 30),
        is_paused=st.booleans(),
    ),
)
def test_the_line_lets_in_from_its_front_and_never_more_than_the_server_holds(
    statuses: list[Status], policy: Policy
) -> None:
    known = [
        standing(number, dags=3, status=status) if status != Status.WAITING else waiting(number, minute=number)
        for number, status in enumerate(statuses, start=1)
    ]
    line = [one for one in known if one.status == Status.WAITING]

    turns = whose_turn_it_is(known, policy)

    assert turns == line[: len(turns)]
    live = sum(one.is_live for one in known)
    if turns and policy.most_environments is not None:
        assert live + len(turns) <= policy.most_environments
    if policy.is_paused:
        assert turns == []
    if not policy.is_limited:
        assert turns == line


def test_a_long_line_is_told_at_its_front_alone() -> None:
    line = [waiting(number, minute=number) for number in range(1, 1001)]

    assert len(to_look_at_again([standing(1001), *line], Policy(most_environments=1))) == 20


# Release lanes


def test_what_stands_in_a_release_lane_takes_no_preview_its_place() -> None:
    release = an_environment(pull_number=RELEASE, status=Status.READY, dag_ids=("a", "b"))

    room = Room.of([release, unused(status=Status.READY, dag_ids=("c",))])

    assert (room.environments, room.dags) == (1, 1)


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        ({}, "1111111 is the release now"),
        ({"head_sha": SECOND}, None),
        ({"head_sha": SECOND, "unwanted": "alice dropped it"}, "alice dropped it"),
        ({"pull_number": RELEASE, "unwanted": "alice dropped it"}, None),
    ],
)
def test_a_canary_ends_where_nobody_wants_it_or_its_commit_is_the_release(
    different: dict[str, Any], expected: str | None
) -> None:
    release = an_environment(pull_number=RELEASE, status=Status.READY)
    canary = an_environment(**{"pull_number": CANARY, "status": Status.READY, **different})

    assert reason_to_end(canary, release) == expected


def test_a_canary_without_a_release_beside_it_stays() -> None:
    assert reason_to_end(an_environment(pull_number=CANARY), None) is None
