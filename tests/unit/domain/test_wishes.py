from __future__ import annotations

from datetime import timedelta

import pytest

from dagbranch.domain.environments import Status
from dagbranch.domain.requests import Wish
from dagbranch.domain.wishes import asks_anew, is_overtaken, with_wish
from tests.fakes.examples import FIRST, NOW, SECOND, a_pull_request, an_environment

PULL = a_pull_request()


def test_what_is_wished_stays_on_record_until_another_wish() -> None:
    kept = with_wish(an_environment(), Wish("alice", keep=True, schedules=True), PULL)

    assert (kept.is_kept, kept.schedules) == (True, True)
    assert with_wish(kept, None, PULL) == kept
    again = with_wish(kept, Wish("bob", schedules=False), PULL)
    assert (again.is_kept, again.schedules) == (True, False)


def test_an_approval_of_an_older_commit_does_not_take_back_the_newest_ones() -> None:
    approved = with_wish(an_environment(), Wish("alice", approved=FIRST), PULL)

    assert approved.approved == FIRST
    assert with_wish(approved, Wish("bob", approved=SECOND), PULL).approved == FIRST


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (None, False),
        (Wish("alice", keep=True), False),
        (Wish("alice", is_forced=True), True),
        (Wish("alice", schedules=True), True),
        (Wish("alice", schedules=False), False),
    ],
)
def test_what_stands_is_deployed_again_where_somebody_asks_or_other_schedules(
    wish: Wish | None,
    expected: bool,  # noqa: FBT001 # a row of the table
) -> None:
    standing = an_environment(status=Status.READY, schedules=False, delivery="the one before")

    assert asks_anew(wish, standing, "this one") == expected


def test_the_same_message_twice_asks_once() -> None:
    asked = an_environment(status=Status.READY, delivery="this one")

    assert not asks_anew(Wish("alice", is_forced=True), asked, "this one")


def test_schedules_alone_make_nothing_that_is_gone() -> None:
    assert not asks_anew(Wish("alice", schedules=True), an_environment(status=Status.REMOVED), "d")


def test_a_command_is_overtaken_by_a_later_request() -> None:
    later = an_environment(requested_at=NOW + timedelta(seconds=1))

    assert is_overtaken(Wish("alice", removal=True, at=NOW), later)
    assert not is_overtaken(Wish("alice", removal=True, at=NOW), an_environment())
    assert not is_overtaken(Wish("alice", removal=True), later)
