from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.environments import Status
from dagbranch.domain.life_cycle import MOVES
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.release_requests import awaiting_upload, requested_release, with_asked_digest
from dagbranch.domain.release_wishes import Hold
from dagbranch.errors import NotYetError, SupersededError
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, SECOND
from tests.fakes.release_examples import a_promotion, a_release_record

LATER = NOW + timedelta(minutes=1)


def asked_release(before: Any, **different: Any) -> Any:
    usual = {
        "repository_id": REPOSITORY_ID,
        "repository": REPOSITORY,
        "default_branch": "main",
        "head_sha": FIRST,
        "number": RELEASE,
        "lane": "stage",
        "delivery": "d-2",
        "now": LATER,
    }
    return requested_release(before, **{**usual, **different})


def test_the_first_commit_of_a_lane_is_asked_for_under_no_name_yet() -> None:
    asked = asked_release(None)

    assert (asked.key, asked.lane, asked.branch, asked.name) == ((REPOSITORY_ID, RELEASE), "stage", "main", None)
    assert (asked.status, asked.generation, asked.head_sha, asked.asked_digest) == (Status.REQUESTED, 1, FIRST, None)


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED])
def test_another_commit_in_a_lane_forgets_how_the_last_one_came(status: Status) -> None:
    hold = Hold("ada", NOW, "month's end")
    before = a_release_record(
        status=status, asked_digest="d1", takes_uploads=True, promotion=a_promotion(), rolls_back=True, held=hold
    )

    asked = asked_release(before, head_sha=SECOND)

    assert (asked.status, asked.generation, asked.head_sha) == (Status.REQUESTED, 2, SECOND)
    assert (asked.asked_digest, asked.takes_uploads, asked.promotion, asked.rolls_back) == (None, False, None, False)
    assert (asked.guard, asked.held, asked.requested_at) == (None, hold, LATER)


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.DEPLOYING])
def test_the_release_that_is_under_way_goes_on_and_answers_the_newest_deployment(status: Status) -> None:
    before = a_release_record(
        status=status, asked_digest="d1", takes_uploads=True, promotion=a_promotion(deployment_id=8)
    )

    asked = asked_release(before, asked_digest="d1", promotion=a_promotion(deployment_id=9))

    assert (asked.status, asked.generation, asked.requested_at) == (status, 1, NOW)
    assert (asked.asked_digest, asked.takes_uploads, asked.guard) == ("d1", True, before.guard)
    assert asked.asked_by == 9


def test_a_push_that_comes_again_keeps_the_digest_that_was_made() -> None:
    asked = asked_release(a_release_record(asked_digest="d1"))

    assert (asked.generation, asked.asked_digest) == (1, "d1")


@pytest.mark.parametrize(
    "different",
    [
        {"asked_digest": "d2"},
        {"asked_digest": "d1", "rolls_back": True},
        {"asked_digest": "d1", "promotion": a_promotion(zip_sha256="0" * 64)},
    ],
)
def test_the_same_commit_in_other_bytes_or_for_another_reason_is_another_request(different: dict[str, Any]) -> None:
    asked = asked_release(a_release_record(asked_digest="d1"), **different)

    assert (asked.generation, asked.asked_digest) == (2, different["asked_digest"])


def test_a_canary_that_was_dropped_begins_anew() -> None:
    gone = a_release_record(pull_number=CANARY, status=Status.REMOVED, generation=3, revision=9)

    asked = asked_release(gone, number=CANARY, asked_digest="d1")

    assert (asked.key, asked.generation, asked.revision) == ((REPOSITORY_ID, CANARY), 4, 9)
    assert (asked.name, asked.asked_digest) == (None, "d1")


def test_a_canary_that_was_to_be_dropped_is_wanted_again_with_the_next_one() -> None:
    dropped = a_release_record(pull_number=CANARY, status=Status.READY, unwanted="alice dropped it")

    assert asked_release(dropped, number=CANARY, head_sha=SECOND).unwanted == ""


def test_a_canary_is_not_asked_for_while_the_last_one_is_being_removed() -> None:
    with pytest.raises(NotYetError):
        asked_release(a_release_record(pull_number=CANARY, status=Status.REMOVING), number=CANARY)


def test_the_digest_of_an_archive_that_was_made_for_an_older_request_is_not_noted() -> None:
    asked = a_release_record(generation=2)

    assert with_asked_digest(asked, 2, "d1").asked_digest == "d1"
    with pytest.raises(SupersededError):
        with_asked_digest(asked, 1, "d1")


def test_a_request_waits_for_an_upload_until_the_next_one_says_otherwise() -> None:
    waits = awaiting_upload(a_release_record(), 1)

    assert waits.takes_uploads
    assert asked_release(waits).takes_uploads
    assert not asked_release(waits, head_sha=SECOND).takes_uploads
    with pytest.raises(SupersededError):
        awaiting_upload(waits, 0)


@pytest.mark.parametrize("status", Status)
def test_no_request_for_a_release_leaves_the_machine(status: Status) -> None:
    with suppress(NotYetError, AssertionError):
        after = asked_release(a_release_record(status=status), head_sha=SECOND)

        if after.status != status and after.status not in MOVES[status]:
            pytest.fail(f"{status} → {after.status}")
