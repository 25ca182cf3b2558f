from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.environments import Removal, Status
from dagbranch.domain.removal import (
    Step,
    in_words,
    next_step,
    patience_seconds,
    receipt_of,
    with_deleted,
    with_let_go,
    with_listed,
    with_runs,
    without_zip,
)
from dagbranch.errors import InvalidEventError
from tests.fakes.examples import NOW, an_environment

SETTLE = timedelta(seconds=420)
BEGUN = Removal(NOW, "closed")
PAUSED = replace(BEGUN, paused_at=NOW)
TAKEN = replace(PAUSED, zip_removed_at=NOW, dag_ids=("a", "b"))


def row(dag_id: str = "a", **different: Any) -> ListedDag:
    return replace(ListedDag(dag_id, "/dags/x.zip/a.py", frozenset(), is_active=True, parsed_at=None), **different)


def gone(dag_id: str = "a") -> ListedDag:
    return row(dag_id, is_active=False)


def untold(dag_id: str = "a") -> ListedDag:
    return row(dag_id, is_active=None)


def step(removal: Removal, *rows: ListedDag, waited: float = 0, lists_let_go: bool = True) -> Step:
    now = NOW + timedelta(seconds=waited)
    return next_step(removal, rows, lists_let_go=lists_let_go, now=now, settle=SETTLE)


def test_first_what_is_not_paused_is_paused() -> None:
    assert step(BEGUN, row("a", is_paused=True), row("b")) == Step("pause", ("b",))


def test_then_what_runs_of_all_that_was_ever_listed_is_ended_and_the_zip_taken_away() -> None:
    assert step(replace(PAUSED, dag_ids=("z",)), row("a")) == Step("take away", ("z", "a"))


def test_while_airflow_lists_one_as_active_no_row_is_deleted() -> None:
    assert step(TAKEN, gone("a"), row("b")).kind == "wait"


def test_what_airflow_has_let_go_of_is_deleted() -> None:
    assert step(TAKEN, gone("a"), gone("b")) == Step("delete", ("a", "b"))


def test_after_the_last_row_is_deleted_it_is_looked_again_whether_they_stay_away() -> None:
    deleted = with_deleted(with_deleted(TAKEN, "a", NOW), "b", NOW)

    assert step(deleted, waited=2).kind == "wait"
    assert step(deleted, waited=3).kind == "done"
    assert step(deleted, row("a"), waited=3).kind == "wait"


def test_what_was_never_listed_may_turn_up_until_it_is_settled() -> None:
    unseen = replace(TAKEN, dag_ids=())

    assert step(unseen, waited=419).kind == "wait"
    assert step(unseen, waited=420).kind == "done"


def test_a_door_that_does_not_tell_what_is_active_is_waited_for_as_long_as_a_zip_may_linger() -> None:
    assert step(TAKEN, untold("a"), waited=419).kind == "wait"
    assert step(TAKEN, untold("a"), waited=420) == Step("delete", ("a",))


def test_a_door_that_does_not_list_what_airflow_let_go_of_has_all_deleted_that_was_ever_listed() -> None:
    assert step(TAKEN, waited=419, lists_let_go=False).kind == "wait"
    assert step(TAKEN, waited=420, lists_let_go=False) == Step("delete", ("a", "b"))
    assert step(with_deleted(TAKEN, "a", NOW), untold("c"), waited=420, lists_let_go=False) == Step(
        "delete", ("b", "c")
    )
    assert step(with_deleted(with_deleted(TAKEN, "a", NOW), "b", NOW), waited=420, lists_let_go=False).kind == "done"


rows = st.lists(
    st.builds(row, st.sampled_from(["a", "b"]), is_active=st.sampled_from([True, False, None])),
    max_size=2,
    unique_by=lambda one: one.dag_id,
)


@given(listed=rows, lists_let_go=st.booleans(), waited=st.floats(0, 1000))
def test_no_row_is_ever_deleted_before_the_zip_is_gone_or_while_one_is_active(
    *, listed: list[ListedDag], lists_let_go: bool, waited: float
) -> None:
    for removal in (BEGUN, PAUSED):
        assert step(removal, *listed, waited=waited, lists_let_go=lists_let_go).kind in {"pause", "take away"}
    if any(one.is_active for one in listed):
        assert step(TAKEN, *listed, waited=waited, lists_let_go=lists_let_go).kind == "wait"


def test_an_id_that_is_none_goes_into_no_note() -> None:
    with pytest.raises(InvalidEventError):
        with_listed(BEGUN, ["--help"])


def test_a_zip_that_was_back_counts_and_has_to_be_let_go_of_anew() -> None:
    again = without_zip(with_let_go(TAKEN, NOW), 1, NOW + timedelta(minutes=5))

    assert (again.objects, again.zip_removed_at, again.let_go_at) == (1, NOW + timedelta(minutes=5), None)


def test_runs_that_were_ended_add_up_and_those_that_run_are_the_newest_ones() -> None:
    twice = with_runs(with_runs(BEGUN, ["a/1"], ["b/1"]), ["b/1"], [])

    assert (twice.ended_runs, twice.still_running) == (("a/1", "b/1"), ())


def test_what_still_runs_is_said_to_whoever_looks() -> None:
    assert in_words(BEGUN) == "closed"
    assert in_words(with_runs(BEGUN, [], ["a/1"])) == "closed; the removal waits for what still runs: a/1"
    assert in_words(with_runs(BEGUN, [], [f"a/{one}" for one in range(12)])).endswith("a/9 and 2 more")


@pytest.mark.parametrize(("waited", "seconds"), [(0, 3), (60, 6), (600, 60), (3_000, 300), (10**6, 300)])
def test_a_task_that_never_ends_is_asked_about_less_and_less_often(waited: int, seconds: int) -> None:
    assert patience_seconds(TAKEN, NOW + timedelta(seconds=waited)) == seconds


def receipt(removal: Removal) -> dict[str, object]:
    going = an_environment(status=Status.REMOVING, removal=removal)
    return receipt_of(going, {"left_alone": []}, NOW + timedelta(minutes=9))


def test_a_receipt_says_what_was_deleted_and_when() -> None:
    at: datetime = NOW + timedelta(minutes=1)
    done = with_deleted(with_let_go(with_runs(TAKEN, ["a/1"], []), at), "b", at)

    assert receipt(replace(done, objects=3, artifacts=2, source_archives=1, schemas=("s",))) == {
        "environment": "feature1",
        "reason": "closed",
        "began_at": "2026-11-21T09:00:00+00:00",
        "zip_removed_at": "2026-11-21T09:00:00+00:00",
        "let_go_at": "2026-11-21T09:01:00+00:00",
        "dags_deleted_at": "2026-11-21T09:01:00+00:00",
        "removed_at": "2026-11-21T09:09:00+00:00",
        "dag_ids": ["b"],
        "ended_runs": ["a/1"],
        "schemas": ["s"],
        "objects": 3,
        "artifacts": 2,
        "source_archives": 1,
        "not_seen": [],
        "left_alone": [],
    }


def test_a_receipt_says_what_the_door_could_not_tell() -> None:
    assert receipt(TAKEN)["not_seen"] == []
    assert receipt(with_deleted(TAKEN, "a", NOW))["not_seen"] != []
