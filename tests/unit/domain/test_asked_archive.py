from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.asked_archive import check_is_asked_for, check_is_the_pipelines_turn, with_digest_of
from dagbranch.domain.environments import Environment, Half, Status
from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from dagbranch.errors import NotYetError, SupersededError
from tests.fakes.examples import FIRST, NOW, REPOSITORY, SECOND, THIRD, an_environment
from tests.fakes.release_examples import a_release_record

LATER = NOW + timedelta(minutes=1)
DIGEST, ANOTHER = "a" * 64, "b" * 64


def key(head_sha: str = FIRST, digest: str = DIGEST, number: int = 1) -> SourceArchiveKey:
    return SourceArchiveKey(REPOSITORY, number, head_sha, digest)


def a_release(**different: Any) -> Environment:
    return a_release_record(**{"asked_digest": DIGEST, **different})


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED])
def test_an_archive_of_the_asked_commit_is_taken_again_and_again(status: Status) -> None:
    check_is_asked_for(an_environment(status=status), key(), NOW, NOW + timedelta(days=1))
    check_is_asked_for(a_release(status=status), key(number=RELEASE), NOW, NOW + timedelta(days=1))


@pytest.mark.parametrize("status", [Status.REFUSED, Status.WAITING, Status.REMOVING, Status.REMOVED])
def test_an_archive_for_what_is_gone_or_going_is_superseded(status: Status) -> None:
    with pytest.raises(SupersededError):
        check_is_asked_for(an_environment(status=status), key(), NOW, NOW)
    with pytest.raises(SupersededError):
        check_is_asked_for(a_release(pull_number=CANARY, status=status), key(number=CANARY), NOW, NOW)


def test_a_canary_that_was_dropped_may_be_taken_again_at_the_same_commit() -> None:
    dropped = a_release(pull_number=CANARY, status=Status.REMOVED)

    with pytest.raises(NotYetError):
        check_is_asked_for(dropped, key(number=CANARY), LATER, LATER)


def test_an_archive_older_than_the_newest_request_is_superseded() -> None:
    environment = an_environment(head_sha=SECOND, requested_at=LATER)

    with pytest.raises(SupersededError, match="1111111 was superseded by 2222222"):
        check_is_asked_for(environment, key(), NOW, LATER)


@pytest.mark.parametrize("environment", [None, an_environment(head_sha=SECOND), a_release(asked_digest=None)])
def test_an_archive_that_nobody_asked_for_yet_is_kept_for_a_quarter_of_an_hour(environment: Any) -> None:
    early = key(THIRD) if environment is None or not environment.is_of_a_release else key(number=RELEASE)

    with pytest.raises(NotYetError):
        check_is_asked_for(environment, early, NOW, NOW + timedelta(minutes=14, seconds=59))
    with pytest.raises(SupersededError):
        check_is_asked_for(environment, early, NOW, NOW + timedelta(minutes=15))


def test_a_release_lane_takes_no_other_archive_of_the_same_commit() -> None:
    with pytest.raises(SupersededError, match=r"deployed as another archive: aaaaaaaaaaaa…"):
        check_is_asked_for(a_release(), key(digest=ANOTHER, number=RELEASE), NOW, NOW)


def test_another_archive_that_came_after_the_request_may_be_asked_for_next() -> None:
    with pytest.raises(NotYetError, match="1111111 as bbbbbbbbbbbb"):
        check_is_asked_for(a_release(), key(digest=ANOTHER, number=RELEASE), LATER, LATER)


def test_where_a_workflow_uploads_the_first_archive_is_the_only_one() -> None:
    waits = a_release(asked_digest=None, takes_uploads=True)
    check_is_asked_for(waits, key(number=RELEASE), NOW, NOW)

    taken = with_digest_of(waits, key(number=RELEASE))

    assert taken == replace(waits, asked_digest=DIGEST)
    assert with_digest_of(taken, key(digest=ANOTHER, number=RELEASE)) == taken
    with pytest.raises(SupersededError):
        check_is_asked_for(taken, key(digest=ANOTHER, number=RELEASE), NOW, NOW)


def test_a_lane_that_is_told_its_digest_takes_no_word_of_an_upload() -> None:
    assert with_digest_of(a_release(asked_digest=None), key(number=RELEASE)).asked_digest is None


@pytest.mark.parametrize(
    ("data", "seeding"),
    [
        (None, ()),
        (Half(ANOTHER, FIRST, 1, NOW), ()),
        (Half(DIGEST, FIRST, 0, NOW), ()),
        (Half(DIGEST, FIRST, 1, NOW), ("db.m_roi",)),
    ],
)
def test_in_a_release_lane_the_pipeline_waits_for_all_of_its_own_data(data: Half | None, seeding: Any) -> None:
    waits = a_release(data=data, seeding=seeding)

    with pytest.raises(NotYetError):
        check_is_the_pipelines_turn(waits, key(number=RELEASE), NOW, LATER)
    check_is_the_pipelines_turn(replace(waits, pull_number=1), key(), NOW, LATER)


def test_the_pipelines_turn_is_asked_for_less_and_less_often() -> None:
    def seconds(after: int) -> int:
        with pytest.raises(NotYetError) as error:
            check_is_the_pipelines_turn(a_release(), key(number=RELEASE), NOW, NOW + timedelta(seconds=after))
        return error.value.retry_seconds

    assert [seconds(after) for after in (0, 60, 3600)] == [2, 12, 60]
