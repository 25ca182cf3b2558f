from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.environments import Status
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.release_jobs import (
    Job,
    ReleaseEvent,
    counting,
    course_before,
    course_here,
    course_of_archive,
    hold_after_going_back,
    hold_asked_for,
    hold_in_words,
    is_answered,
    is_overtaken,
    job_of,
    keeps_out,
    waiting,
)
from dagbranch.domain.release_wishes import Hold, ReleaseWish
from dagbranch.domain.releases import WANTED, HoldNote, Judged, Release
from dagbranch.domain.requests import ArchiveUploaded, DeploymentEvent, EnvironmentEvent, ReleaseTick
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, SECOND
from tests.fakes.release_examples import a_deployment, a_promotion, a_release_record

LINE = Release(REPOSITORY_ID, REPOSITORY, FIRST)
READY = replace(LINE, source_digest="d" * 64, ready_at=NOW)


def a_judgement(**different: Any) -> Judged:
    return replace(Judged(17, "prod", "alice", NOW, "waiting", is_settled=True), **different)


def deployment_event(environment: str) -> DeploymentEvent:
    return DeploymentEvent(REPOSITORY_ID, REPOSITORY, 17, environment, "delivery-1")


def own_event(kind: str, **different: Any) -> EnvironmentEvent:
    usual = EnvironmentEvent(kind, "stage", REPOSITORY, REPOSITORY_ID, RELEASE, FIRST, 1, NOW)
    return replace(usual, **different)


def archive(place: str) -> ArchiveUploaded:
    return ArchiveUploaded(f"sources/{REPOSITORY}/{place}/{FIRST}/{'d' * 64}.zip", NOW)


@pytest.mark.parametrize(
    ("event", "in_stage", "in_prod"),
    [
        (ReleaseTick(), "tick", "tick"),
        (deployment_event("stage"), "answer", None),
        (deployment_event("prod"), "judge", "answer"),
        (deployment_event("preview"), None, None),
        (deployment_event("dagbranch/preview"), None, None),
        (archive("release"), None, "accept"),
        (archive("canary"), None, "accept"),
        (archive("pull/1"), None, None),
        (ArchiveUploaded("elsewhere", NOW), None, None),
        (own_event("Ready"), "note", None),
        (own_event("Failed"), "note", None),
        (own_event("Failed", pull_number=CANARY), "note", None),
        (own_event("Ready", pull_number=1), None, None),
        (own_event("Environment Requested"), "repair", None),
        (own_event("Environment Requested", lane="prod"), None, "repair"),
        (own_event("Packaged"), None, None),
    ],
)
def test_each_event_is_one_job_of_one_lane(event: ReleaseEvent, in_stage: Job | None, in_prod: Job | None) -> None:
    assert job_of(event, lane="stage", next_lane="prod", first_release_lane=True) == in_stage
    assert job_of(event, lane="prod", next_lane=None, first_release_lane=False) == in_prod


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"creator": "ALICE"}, "counts"),
        ({"creator": "bob"}, "never"),
        ({"creator": "bob", "is_of_a_workflow": True}, "not yet"),
        ({"creator": "alice", "is_of_a_workflow": True}, "not yet"),
        ({"creator": "bob", "is_of_a_workflow": True, "status": "in_progress"}, "not yet"),
        ({"creator": "bob", "is_of_a_workflow": True, "has_begun": True, "status": "failure"}, "counts"),
        ({"creator": "github-actions[bot]", "is_of_a_workflow": True, "has_begun": True}, "never"),
        ({"creator": "dagbranch[bot]", "made_by_app": 99}, "counts"),
        ({"creator": "bob", "made_by_app": 99}, "never"),
        ({"creator": "other[bot]", "made_by_app": 98}, "never"),
        ({"creator": "other[bot]"}, "never"),
    ],
)
def test_who_counts(asked: dict[str, Any], expected: str) -> None:
    assert counting(a_deployment(**asked), releasers=frozenset({"alice"}), app_id=99) == expected


def test_without_an_app_of_our_own_no_app_counts() -> None:
    asked = a_deployment(creator="dagbranch[bot]", made_by_app=None)

    assert counting(asked, releasers=frozenset(), app_id=None) == "never"


def test_a_workflows_token_counts_where_its_bot_is_on_the_list() -> None:
    asked = a_deployment(creator="github-actions[bot]", is_of_a_workflow=True)

    assert counting(asked, releasers=frozenset({"github-actions[bot]"}), app_id=None) == "counts"


def test_a_hold_keeps_out_all_but_what_releases_it_and_what_has_put_it() -> None:
    hold = Hold("alice", NOW, "sale")

    assert keeps_out(hold, a_deployment(created_at=NOW + timedelta(minutes=1)))
    assert keeps_out(hold, a_deployment(creator="bob"))
    assert keeps_out(hold, a_deployment(creator="bob", wish=ReleaseWish(hold=True)))
    assert not keeps_out(hold, a_deployment(creator="bob", wish=ReleaseWish(hold=False)))
    assert not keeps_out(hold, a_deployment(created_at=NOW))
    assert not keeps_out(None, a_deployment())


def test_a_hold_is_told_with_who_and_why_and_what_releases_it() -> None:
    assert hold_in_words(Hold("alice", NOW, "sale"), "prod") == (
        "alice holds prod since 2026-11-21 09:00 UTC: sale; a deployment with hold: false releases it"
    )
    assert "UTC; a deployment" in hold_in_words(Hold("alice", NOW, ""), "prod")


def test_what_a_deployment_says_of_a_hold() -> None:
    wish = ReleaseWish(hold=True, reason="sale")

    assert hold_asked_for(a_deployment()) is None
    assert hold_asked_for(a_deployment(wish=wish)) == HoldNote(17, Hold("alice", NOW, "sale"))
    assert hold_asked_for(a_deployment(wish=wish, faults=("wrong",))) is None
    assert hold_asked_for(a_deployment(wish=ReleaseWish(hold=False))) == HoldNote(17, None)
    assert hold_after_going_back(a_deployment()) == HoldNote(17, Hold("alice", NOW, "went back to 1111111"))
    assert hold_after_going_back(a_deployment(wish=ReleaseWish(hold=False))) == HoldNote(17, None)


@pytest.mark.parametrize(
    ("line", "wish", "newest", "course"),
    [
        (LINE, ReleaseWish(), 17, "judge"),
        (LINE, ReleaseWish(), 0, "judge"),
        (LINE, ReleaseWish(), 18, "end"),
        (replace(LINE, judged=a_judgement()), ReleaseWish(), 17, "judge"),
        (replace(LINE, judged=a_judgement(deployment_id=WANTED)), ReleaseWish(), 17, "judge"),
        (replace(LINE, judged=a_judgement(deployment_id=18)), ReleaseWish(), 18, "done"),
        (replace(LINE, judged=a_judgement(verdict="refused")), ReleaseWish(), 17, "done"),
        (replace(LINE, judged=a_judgement(verdict="promoted", is_settled=False)), ReleaseWish(), 17, "settle"),
        (replace(LINE, judged=a_judgement(verdict="refused", is_settled=False)), ReleaseWish(), 18, "settle"),
        (replace(LINE, judged=a_judgement(deployment_id=9, verdict="refused")), ReleaseWish(), 17, "judge"),
        (replace(LINE, handed=9), ReleaseWish(), 17, "leave"),
        (replace(LINE, handed=9), ReleaseWish(canary="take"), 17, "judge"),
        (LINE, ReleaseWish(canary="drop"), 17, "leave"),
    ],
)
def test_what_the_lane_before_does(line: Release, wish: ReleaseWish, newest: int, course: str) -> None:
    assert course_before(a_deployment(wish=wish), line, newest) == course


@pytest.mark.parametrize(
    ("line", "record", "wish", "newest", "course"),
    [
        (LINE, None, ReleaseWish(), 17, "unknown"),
        (LINE, {"head_sha": SECOND}, ReleaseWish(), 17, "unknown"),
        (LINE, {"status": Status.READY}, ReleaseWish(), 17, "stands"),
        (READY, {"head_sha": SECOND}, ReleaseWish(), 17, "go back"),
        (READY, {"head_sha": SECOND}, ReleaseWish(), 18, "done"),
        (READY, {"head_sha": SECOND, "deployment_id": 18}, ReleaseWish(), 17, "done"),
        (READY, {"status": Status.READY, "asked_digest": "d" * 64}, ReleaseWish(), 17, "stands"),
        (READY, {"status": Status.DEPLOYING, "asked_digest": "d" * 64}, ReleaseWish(), 17, "stands"),
        (READY, {"status": Status.READY, "asked_digest": "e" * 64}, ReleaseWish(), 17, "go back"),
        (READY, {"status": Status.FAILED, "asked_digest": "d" * 64, "deployment_id": 17}, ReleaseWish(), 17, "done"),
        (READY, {"status": Status.FAILED, "asked_digest": "d" * 64, "deployment_id": 9}, ReleaseWish(), 17, "go back"),
        (replace(LINE, promotion=a_promotion()), {"head_sha": SECOND}, ReleaseWish(), 17, "try again"),
        (replace(LINE, promotion=a_promotion()), None, ReleaseWish(), 17, "try again"),
        (READY, {"head_sha": SECOND}, ReleaseWish(canary="take"), 17, "unknown"),
        (READY, {"head_sha": SECOND}, ReleaseWish(canary="drop"), 99, "drop"),
    ],
)
def test_what_a_lane_does_for_itself(
    line: Release, record: dict[str, Any] | None, wish: ReleaseWish, newest: int, course: str
) -> None:
    standing = None if record is None else a_release_record(**record)

    assert course_here(a_deployment(wish=wish), line, standing, newest) == course


@pytest.mark.parametrize(
    ("line", "record", "newest", "course"),
    [
        (LINE, None, 17, "take in"),
        (LINE, None, 18, "superseded"),
        (LINE, {"head_sha": SECOND, "deployment_id": 18}, 0, "superseded"),
        (LINE, {"head_sha": SECOND, "deployment_id": 9}, 17, "take in"),
        (LINE, {"asked_digest": "d" * 64}, 18, "stands"),
        (LINE, {"asked_digest": "d" * 64, "status": Status.FAILED}, 17, "stands"),
        (LINE, {"asked_digest": "d" * 64, "status": Status.REFUSED}, 17, "take in"),
        (LINE, {"asked_digest": "e" * 64}, 17, "take in"),
        (READY, {"head_sha": SECOND, "deployment_id": 9}, 17, "leave"),
    ],
)
def test_what_a_lane_does_with_a_promoted_archive(
    line: Release, record: dict[str, Any] | None, newest: int, course: str
) -> None:
    standing = None if record is None else a_release_record(**record)

    assert course_of_archive(a_promotion(), line, standing, newest) == course


def test_a_canary_is_taken_in_of_what_had_been_ready() -> None:
    assert course_of_archive(a_promotion(is_canary=True), READY, None, 0) == "take in"


def test_only_what_waits_for_an_older_deployment_of_its_kind_is_overtaken() -> None:
    asked = a_deployment(id=18)

    assert is_overtaken(a_judgement(), asked)
    assert not is_overtaken(a_judgement(deployment_id=19), asked)
    assert not is_overtaken(a_judgement(deployment_id=WANTED), asked)
    assert not is_overtaken(a_judgement(verdict="refused"), asked)
    assert not is_overtaken(a_judgement(is_canary=True), asked)
    assert not is_overtaken(a_judgement(target="stage"), asked)


def test_what_was_answered_the_schedule_leaves() -> None:
    asked = a_deployment()

    assert not is_answered(asked, None)
    assert not is_answered(asked, LINE)
    assert not is_answered(asked, replace(LINE, judged=a_judgement(is_settled=False)))
    for answered in ({"judged": a_judgement()}, {"handed": 17}, {"answered": 17}):
        assert is_answered(asked, replace(LINE, **answered))


def test_what_waits_at_the_gates_is_found_with_what_was_left_undone() -> None:
    lines = [
        LINE,
        replace(LINE, judged=a_judgement()),
        replace(LINE, judged=a_judgement(deployment_id=18, verdict="refused")),
        replace(LINE, judged=a_judgement(deployment_id=19, verdict="promoted", is_settled=False)),
        replace(LINE, judged=a_judgement(deployment_id=20, target="stage")),
    ]

    assert [judged.deployment_id for _, judged in waiting(lines, "prod")] == [17, 19]
