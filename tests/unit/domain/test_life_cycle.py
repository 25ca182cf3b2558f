from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dagbranch.domain.ending import Farewell, adopted, removed, removing
from dagbranch.domain.environments import Half, Status
from dagbranch.domain.life_cycle import (
    MOVES,
    check_not_superseded,
    failed,
    is_served,
    ready,
    refused,
    requested,
    unwanted,
    waiting,
    wanted,
    with_changes,
    with_data,
    with_pipeline,
)
from dagbranch.errors import InvalidEventError, NotYetError, SupersededError
from tests.fakes.examples import FIRST, NOW, SECOND, a_pull_request, an_environment

LATER = NOW + timedelta(minutes=1)
LIVE = (Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED, Status.REMOVING)


def half(digest: str = "d1", generation: int = 1) -> Half:
    return Half(digest, FIRST, generation, LATER)


# Refusal


@pytest.mark.parametrize("status", LIVE)
def test_a_refusal_leaves_an_environment_that_stands_as_it_is(status: Status) -> None:
    standing = an_environment(status=status)

    noted = refused(standing, a_pull_request(head_sha=SECOND), "preview", "a reason", "d", LATER)

    assert noted == replace(standing, message="a reason", updated_at=LATER)


def test_a_refusal_of_a_new_pull_request_has_no_name() -> None:
    noted = refused(None, a_pull_request(), "preview", "a reason", "d-1", NOW)

    assert (noted.status, noted.name, noted.message, noted.is_live) == (Status.REFUSED, None, "a reason", False)
    with pytest.raises(InvalidEventError):
        _ = noted.claimed_name


# Requests


@pytest.mark.parametrize("status", [Status.REFUSED, Status.REMOVED])
def test_a_request_after_the_end_begins_anew_with_the_next_generation(status: Status) -> None:
    before = an_environment(status=status, generation=4, revision=9, schemas=("s",), message="old")

    asked = requested(before, a_pull_request(), "preview", "d-2", LATER)

    assert (asked.status, asked.generation, asked.revision, asked.name) == (Status.REQUESTED, 5, 9, None)
    assert (asked.schemas, asked.message) == ((), "")


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.DEPLOYING])
def test_a_request_for_the_commit_that_is_under_way_goes_on(status: Status) -> None:
    before = an_environment(status=status, generation=2)

    asked = requested(before, a_pull_request(), "preview", "d-2", LATER)

    assert (asked.status, asked.generation) == (status, 2)
    assert (asked.requested_at, asked.updated_at) == (NOW, LATER)


@pytest.mark.parametrize("status", [Status.READY, Status.FAILED, Status.DEPLOYING])
def test_another_commit_is_another_request(status: Status) -> None:
    before = an_environment(status=status, generation=2, message="broken")

    asked = requested(before, a_pull_request(head_sha=SECOND), "preview", "d-2", LATER)

    assert (asked.generation, asked.head_sha, asked.requested_at) == (3, SECOND, LATER)
    assert (asked.status, asked.message) == (Status.REQUESTED, "")


def test_a_removal_under_way_is_waited_for() -> None:
    with pytest.raises(NotYetError):
        requested(an_environment(status=Status.REMOVING), a_pull_request(), "preview", "d", NOW)


def test_what_is_to_be_made_after_a_long_removal_is_asked_for_less_and_less_often() -> None:
    going = removing(an_environment(), Farewell("closed"), NOW)

    def seconds(minutes: int) -> int:
        with pytest.raises(NotYetError) as error:
            requested(going, a_pull_request(), "preview", "d", NOW + timedelta(minutes=minutes))
        return error.value.retry_seconds

    assert [seconds(minutes) for minutes in (0, 10, 600)] == [15, 60, 300]


def test_only_a_ready_environment_at_that_commit_serves_it() -> None:
    assert is_served(an_environment(status=Status.READY), a_pull_request())
    assert not is_served(an_environment(status=Status.READY), a_pull_request(head_sha=SECOND))
    assert not is_served(an_environment(status=Status.FAILED), a_pull_request())
    assert not is_served(None, a_pull_request())


def test_what_somebody_asked_for_outlives_every_request_and_refusal() -> None:
    wishes = {"approved": SECOND, "is_kept": True, "schedules": False}
    for status in (Status.READY, Status.DEPLOYING, Status.REFUSED, Status.REMOVED):
        before = an_environment(status=status, **wishes)

        asked = requested(before, a_pull_request(head_sha=SECOND), "preview", "d", LATER)
        told = refused(before, a_pull_request(head_sha=SECOND), "preview", "no", "d", LATER)

        assert {name: getattr(asked, name) for name in wishes} == wishes
        assert {name: getattr(told, name) for name in wishes} == wishes


def test_a_request_ends_what_was_unwanted_and_begins_to_wait_for_readiness() -> None:
    before = an_environment(status=Status.READY, unwanted="no label", awaits_approval=True, ready_at=NOW)

    asked = requested(before, a_pull_request(head_sha=SECOND), "preview", "d", LATER)

    assert (asked.unwanted, asked.awaits_approval, asked.ready_at) == ("", False, None)


def test_it_is_known_when_a_request_was_ready_first() -> None:
    first = ready(an_environment(status=Status.DEPLOYING), 1, (), NOW)

    assert first.ready_at == NOW
    assert ready(first, 1, (), LATER).ready_at == NOW


@pytest.mark.parametrize(("approved", "awaits"), [(None, True), (FIRST, False)])
def test_only_a_forks_commit_that_nobody_approved_awaits_that(approved: str | None, awaits: bool) -> None:  # noqa: FBT001 # a row of the table
    fork = a_pull_request(head_repository_id=99)
    before = an_environment(status=Status.REFUSED, approved=approved)

    assert refused(before, fork, "preview", "no", "d", LATER).awaits_approval == awaits
    assert unwanted(before, fork, "no", LATER).awaits_approval == awaits
    assert not refused(before, a_pull_request(), "preview", "no", "d", LATER).awaits_approval


def test_what_is_wanted_again_is_not_taken_from_its_removal() -> None:
    standing = unwanted(an_environment(status=Status.READY), a_pull_request(), "no label", LATER)

    assert (standing.unwanted, wanted(standing).unwanted) == ("no label", "")
    assert wanted(an_environment(status=Status.REMOVING, unwanted="x")).unwanted == "x"
    assert wanted(an_environment(status=Status.REMOVED, unwanted="x")).unwanted == "x"


# Waiting


def test_one_that_waits_keeps_its_time_whatever_it_is_told() -> None:
    first = waiting(None, a_pull_request(), "preview", 3, "full", "d-1", NOW)

    again = waiting(first, a_pull_request(head_sha=SECOND), "preview", 2, "still full", "d-2", LATER)

    assert (again.status, again.requested_at, again.place) == (Status.WAITING, NOW, 2)
    assert (again.head_sha, again.message, again.name, again.is_live) == (SECOND, "still full", None, False)


def test_one_whose_turn_it_is_begins_with_the_next_generation_and_has_no_place() -> None:
    waits = replace(waiting(None, a_pull_request(), "preview", 1, "full", "d", NOW), revision=3)

    asked = requested(waits, a_pull_request(), "preview", "d", LATER)

    assert (asked.status, asked.generation, asked.revision, asked.place) == (Status.REQUESTED, 1, 3, None)
    assert asked.requested_at == LATER


def test_one_that_waited_and_was_closed_is_gone_without_a_trace() -> None:
    waits = waiting(None, a_pull_request(), "preview", 1, "full", "d", NOW)

    gone = removed(waits, {}, LATER)

    assert (gone.status, gone.name, gone.place, gone.receipt) == (Status.REMOVED, None, None, {})


# Halves


def test_schemas_once_made_are_never_forgotten() -> None:
    environment = an_environment(schemas=("s1", "s2"))

    assert with_data(environment, half(), ["s2", "s3"]).schemas == ("s1", "s2", "s3")


@pytest.mark.parametrize(
    "change",
    [
        lambda one: with_pipeline(one, half(generation=1)),
        lambda one: with_data(one, half(generation=1), []),
        lambda one: ready(one, 1, (), LATER),
        lambda one: failed(one, 1, "broken", LATER),
        lambda one: check_not_superseded(one, 1),
    ],
)
@pytest.mark.parametrize(
    "moved_on",
    [{"generation": 2}, {"status": Status.REMOVING}, {"status": Status.REMOVED}, {"status": Status.REFUSED}],
)
def test_no_result_of_an_older_request_is_ever_noted(change: Any, moved_on: dict[str, Any]) -> None:
    with pytest.raises(SupersededError):
        change(an_environment(**moved_on))


def test_ready_clears_the_message_and_remembers_what_airflow_listed() -> None:
    after = ready(an_environment(status=Status.DEPLOYING, message="broken"), 1, ["a", "b"], LATER)

    assert (after.status, after.message, after.dag_ids) == (Status.READY, "", ("a", "b"))
    assert after.verified_generation == after.generation


def test_what_failed_in_airflow_is_known_until_anything_else_becomes_of_it() -> None:
    standing = an_environment(status=Status.DEPLOYING, pipeline=half(), data=half())

    there = failed(standing, 1, "not listed", LATER, in_airflow=True)

    assert there.failed_in_airflow
    assert with_pipeline(there, half()).failed_in_airflow
    assert not failed(there, 1, "no such column", LATER).failed_in_airflow
    assert not ready(there, 1, ["a"], LATER).failed_in_airflow
    assert not requested(there, a_pull_request(head_sha=SECOND), "preview", "d", LATER).failed_in_airflow
    assert not removing(there, Farewell("closed"), LATER).failed_in_airflow


def test_failed_keeps_what_stands() -> None:
    standing = with_pipeline(an_environment(), half())

    after = failed(standing, 1, "broken", LATER)

    assert (after.status, after.message, after.pipeline) == (Status.FAILED, "broken", standing.pipeline)


@pytest.mark.parametrize("finish", [lambda one: with_pipeline(one, half()), lambda one: with_data(one, half(), [])])
def test_a_failure_of_one_half_is_not_forgotten_when_the_other_half_stands(finish: Any) -> None:
    broken = failed(an_environment(status=Status.DEPLOYING), 1, "no DAG module in 'elsewhere'", NOW)

    noted = finish(broken)

    assert (noted.status, noted.message) == (Status.FAILED, "no DAG module in 'elsewhere'")
    assert ready(noted, 1, (), LATER).status == Status.READY


# The machine itself


@pytest.mark.parametrize(
    "move",
    [
        lambda one: requested(one, a_pull_request(head_sha=SECOND), "preview", "d", LATER),
        lambda one: waiting(one, a_pull_request(), "preview", 1, "full", "d", LATER),
        lambda one: refused(one, a_pull_request(), "preview", "no", "d", LATER),
        lambda one: with_pipeline(one, half()),
        lambda one: with_data(one, half(), ()),
        lambda one: ready(one, 1, (), LATER),
        lambda one: failed(one, 1, "broken", LATER),
        lambda one: removing(one, Farewell("closed"), LATER),
        lambda one: adopted(one, an_environment(), (), "orphan", LATER),
        lambda one: removed(one, {}, LATER),
    ],
)
@pytest.mark.parametrize("status", Status)
def test_no_transition_leaves_the_machine(status: Status, move: Any) -> None:
    with suppress(NotYetError, SupersededError, AssertionError):
        after = move(an_environment(status=status))

        if after.status != status and after.status not in MOVES[status]:
            pytest.fail(f"{status} → {after.status}")


def test_from_every_state_there_is_a_way_to_removed_and_back_to_ready() -> None:
    def reachable(status: Status) -> set[Status]:
        found: set[Status] = set()
        ahead = [status]
        while ahead:
            new = MOVES[ahead.pop()] - found
            found |= new
            ahead += new
        return found

    for status in Status:
        assert reachable(status) == set(Status)


# Changes


def test_changes_are_those_of_one_archive() -> None:
    noted = with_changes(an_environment(), 1, "digest", {"dags/b.py", "dags/a.py"})

    assert noted.changed_in("digest") == ("dags/a.py", "dags/b.py")
    assert noted.changed_in("another") is None
    assert an_environment().changed_in("digest") is None
    with pytest.raises(SupersededError):
        with_changes(an_environment(generation=2), 1, "digest", ())


def test_changes_that_are_unknown_or_too_many_are_none() -> None:
    noted = with_changes(an_environment(), 1, "digest", ["dags/a.py"])

    for paths in (None, [f"dags/{number}.py" for number in range(1_001)], ["x" * 500] * 101):
        assert with_changes(noted, 1, "digest", paths).changed_paths is None


def test_changes_are_kept_for_the_commit_under_way_and_end_with_it() -> None:
    noted = with_changes(an_environment(), 1, "digest", ["dags/a.py"])

    assert requested(noted, a_pull_request(), "preview", "d", LATER).changed_paths == noted.changed_paths
    assert requested(noted, a_pull_request(head_sha=SECOND), "preview", "d", LATER).changed_paths is None
    assert removed(removing(noted, Farewell("closed"), LATER), {}, LATER).changed_paths is None


def test_what_a_pipeline_has_to_tell_is_told_when_it_is_ready() -> None:
    standing = with_pipeline(an_environment(), replace(half(), message="nothing to see"))

    assert ready(standing, 1, (), LATER).message == "nothing to see"


def test_the_drawing_in_the_docs_has_the_arrows_of_the_machine() -> None:
    text = (Path(__file__).parents[3] / "docs/life-cycle.md").read_text()

    drawn = {(before, after) for before, after in re.findall(r"^    (\S+) --> (\S+) : \S", text, re.MULTILINE)}

    assert drawn == {(str(before or "[*]"), str(after)) for before, moves in MOVES.items() for after in moves}
