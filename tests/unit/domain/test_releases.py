from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dagbranch.domain.environments import Half, Status
from dagbranch.domain.gates import Gate
from dagbranch.domain.release_wishes import Hold
from dagbranch.domain.releases import (
    WANTED,
    HoldNote,
    Judged,
    Release,
    half_that_was_ready,
    hold_of,
    last_handed,
    later_note,
    made_ready,
    newest_answered,
    newest_asked,
    replaced,
    settled,
    with_promotion,
)
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, SECOND, THIRD
from tests.fakes.release_examples import a_promotion, a_release_record

LINE = Release(REPOSITORY_ID, REPOSITORY, FIRST)
HALF = Half("d" * 64, FIRST, 1, NOW, zip_sha256="e" * 64, version="0.1.0")
LATER = NOW + timedelta(hours=1)
JUDGED = Judged(17, "prod", "alice", NOW, "promoted", (Gate("soak", "passed", "ready here for 1 h"),))


def test_what_is_ready_keeps_its_time_while_it_stands() -> None:
    first = made_ready(LINE, HALF, None, NOW)

    assert (first.ready_at, first.source_digest, first.zip_sha256) == (NOW, "d" * 64, "e" * 64)
    assert made_ready(first, HALF, None, LATER) == first


def test_what_comes_back_or_is_another_archive_begins_anew() -> None:
    first = made_ready(LINE, HALF, None, NOW)

    assert made_ready(replace(first, until=NOW), HALF, None, LATER).ready_at == LATER
    another = made_ready(replace(first, auto=True), replace(HALF, source_digest="f" * 64), None, LATER)
    assert (another.ready_at, another.auto) == (LATER, None)


def test_what_stood_before_ends_when_the_next_one_is_ready() -> None:
    first, gone = made_ready(LINE, HALF, None, NOW), replace(LINE, head_sha=THIRD, ready_at=NOW, until=NOW)
    second = made_ready(replace(LINE, head_sha=SECOND), HALF, None, LATER)

    assert list(replaced([first, second, gone, replace(LINE, head_sha="4" * 40)], second)) == [
        replace(first, until=LATER)
    ]


def test_the_newest_promotion_is_kept() -> None:
    older, newer = a_promotion(), a_promotion(deployment_id=18)

    assert with_promotion(with_promotion(LINE, newer), older).promotion == newer
    assert with_promotion(with_promotion(LINE, older), newer).promotion == newer


def test_the_promotion_of_another_archive_is_not_that_of_what_stood() -> None:
    line = replace(made_ready(LINE, HALF, a_promotion(), NOW), promotion=a_promotion(source_digest="f" * 64))

    assert line.promotion_of_it is None
    assert line.known_digest == "d" * 64
    assert replace(LINE, promotion=a_promotion()).known_digest == "d" * 64
    assert LINE.known_digest is None


def test_what_was_promoted_is_the_next_lanes_once_that_is_done() -> None:
    assert settled(replace(LINE, judged=JUDGED)).handed == 17
    assert settled(replace(LINE, judged=JUDGED, handed=19)).handed == 19
    for judged in (replace(JUDGED, is_canary=True), replace(JUDGED, verdict="refused")):
        after = settled(replace(LINE, judged=judged))
        assert (after.handed, after.judged) == (None, replace(judged, is_settled=True))


def test_some_more_minutes_are_no_news() -> None:
    later = replace(JUDGED, gates=(Gate("soak", "passed", "ready here for 2 h"),), at=LATER)

    assert later.news == JUDGED.news
    assert replace(JUDGED, gates=(Gate("soak", "later", "ready here for 1 h"),)).news != JUDGED.news
    assert replace(JUDGED, gates=(Gate("runs", "passed", "a"),)).news != JUDGED.news


def test_a_deployment_is_wanted_where_all_gates_have_passed_and_nobody_made_one() -> None:
    assert replace(JUDGED, deployment_id=WANTED, verdict="waiting").wants_deployment
    assert not JUDGED.wants_deployment
    assert not replace(JUDGED, deployment_id=WANTED, verdict="refused").wants_deployment


def test_the_newest_deployment_is_known_by_its_kind_and_target() -> None:
    lines = [
        replace(LINE, judged=JUDGED),
        replace(LINE, judged=replace(JUDGED, deployment_id=30, is_canary=True)),
        replace(LINE, judged=replace(JUDGED, deployment_id=40, target="stage")),
        replace(LINE, handed=18),
    ]

    assert newest_asked(lines, "prod", is_canary=False) == 18
    assert newest_asked(lines, "prod", is_canary=True) == 30
    assert newest_asked([], "prod", is_canary=False) == 0
    assert newest_answered([replace(LINE, answered=5), replace(LINE, promotion=a_promotion())]) == 17
    assert last_handed(lines) == lines[3]
    assert last_handed(lines[:3]) is None


def test_the_newest_word_on_a_hold_counts() -> None:
    held, released = HoldNote(17, Hold("alice", NOW, "sale")), HoldNote(18, None)

    assert hold_of([None, held]) == held.hold
    assert hold_of([released, held]) is None
    assert hold_of([]) is None
    assert later_note(None, held) == later_note(held, held) == held
    assert later_note(released, held) == released


def test_only_what_airflow_has_listed_was_ready() -> None:
    record = a_release_record(status=Status.READY, ready_at=NOW, pipeline=HALF)

    assert half_that_was_ready(record, 1) == HALF
    assert half_that_was_ready(replace(record, ready_at=None), 1) is None
    assert half_that_was_ready(replace(record, generation=2, ready_at=None), 1) == HALF
    assert half_that_was_ready(replace(record, generation=2, pipeline=replace(HALF, generation=2)), 1) is None
    assert half_that_was_ready(replace(record, pipeline=None), 1) is None
