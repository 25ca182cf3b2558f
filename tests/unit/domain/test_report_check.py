from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.problems import Problem
from dagbranch.domain.report_check import MOST_TITLE, check_of, checks_to_put, group_check, id_to_edit
from dagbranch.domain.reports import Check, CheckState, PostedCheck
from tests.fakes.examples import FIRST, SECOND, THIRD, an_environment
from tests.fakes.report_examples import (
    AIRFLOW,
    GITHUB,
    a_deploying_one,
    a_failed_one,
    a_ready_one,
    a_refused_one,
    a_removed_one,
    a_removing_one,
    a_waiting_one,
    all_states,
)

GROUP = "9" * 40


@pytest.mark.parametrize("record", all_states(), ids=lambda one: f"{one.status}")
def test_it_is_green_only_where_the_environment_is_ready(record: Environment) -> None:
    check = check_of(record, GITHUB)

    assert (check.state == "success") == (record.status == Status.READY)
    assert (check.name, check.head_sha) == ("dagbranch/preview", record.head_sha)


@pytest.mark.parametrize(
    ("record", "state", "title"),
    [
        (a_ready_one(), "success", "feature1 is ready: 3 DAGs in Airflow"),
        (a_deploying_one(), "in_progress", "feature1 is being deployed · still to come: the data"),
        (
            an_environment(takes_uploads=True),
            "in_progress",
            "feature1 is being deployed · still to come: the archive, which a workflow of the repository uploads",
        ),
        (
            a_waiting_one(),
            "queued",
            "waiting for its turn: place 2 in the line · the server has room for 3 environments, and 3 stand",
        ),
        (a_refused_one(), "neutral", "no environment for this pull request · the pull request is a draft"),
        (a_refused_one(awaits_approval=True), "neutral", f"someone with write access writes /dagbranch deploy {FIRST}"),
        (a_failed_one("dags/x.py:3: no\nmore"), "failure", "feature1 has failed · dags/x.py:3: no (and 1 more line)"),
        (a_removed_one("nobody asked", dismissed=FIRST), "neutral", "feature1 is removed · nobody asked"),
    ],
    ids=["ready", "deploying", "uploaded", "waiting", "refused", "fork", "failed", "expired"],
)
def test_its_title_says_in_one_line_how_it_stands(record: Environment, state: CheckState, title: str) -> None:
    check = check_of(record, GITHUB)

    assert check.state == state
    assert title in check.title


def test_a_ready_one_leads_into_airflow() -> None:
    assert check_of(a_ready_one(), GITHUB).url == f"{AIRFLOW.url}/dags?tags=feature1"
    assert check_of(a_removed_one(pages=AIRFLOW), GITHUB).url is None


def test_what_is_to_be_mended_is_told_at_its_place_once() -> None:
    message = (
        "dags/x.py:3: no\ndags/x.py:3: no\ndagbranch.yaml: bad\nno place\ndags/../../x.py:1: not in the repository"
    )

    check = check_of(a_failed_one(message), GITHUB)

    assert check.annotations == (Problem("dags/x.py", 3, "no"), Problem("dagbranch.yaml", None, "bad"))
    assert "no place" in check.summary


def test_more_than_one_request_takes_are_counted() -> None:
    check = check_of(a_failed_one("\n".join(f"dags/x.py:{n}: no" for n in range(1, 81))), GITHUB)

    assert len(check.annotations) == 50
    assert check.annotations[-1].text == "no (and 30 more places)"


def test_a_warning_of_what_is_ready_is_no_annotation() -> None:
    assert check_of(a_ready_one(message="dags/x.py:3: a templated reference"), GITHUB).annotations == ()


@given(st.text(max_size=400), st.integers(0, 9))
def test_whatever_the_message_is_the_title_is_one_short_line_and_the_summary_is_taken(text: str, number: int) -> None:
    check = check_of(all_states("\n".join([text] * 300))[number], GITHUB)

    assert len(check.title) <= MOST_TITLE
    assert check.title.isprintable()
    assert len(check.summary) < 65_535
    assert "\n" not in "".join(one.text for one in check.annotations)


# What stands there already


def posted(state: CheckState, head_sha: str = FIRST, number: int | None = 7) -> PostedCheck:
    return PostedCheck(head_sha, state, number, "digest")


def put(record: Environment, *standing: PostedCheck) -> list[tuple[str, CheckState]]:
    return [(check.head_sha, check.state) for check in checks_to_put(record, standing, GITHUB)]


def test_an_older_commits_check_that_still_waits_is_ended_and_one_that_has_ended_stays() -> None:
    standing = posted("in_progress", FIRST), posted("failure", THIRD), posted("queued", GROUP)
    record = a_ready_one(head_sha=SECOND)

    checks = checks_to_put(record, standing, GITHUB)

    assert [(one.head_sha, one.state) for one in checks] == [
        (FIRST, "neutral"),
        (GROUP, "neutral"),
        (SECOND, "success"),
    ]
    assert checks[0].title == f"superseded by {SECOND[:7]}"


def test_what_a_commit_had_proven_when_its_pull_request_was_closed_stays() -> None:
    assert put(a_removing_one(), posted("success")) == []
    assert put(a_removed_one(), posted("failure")) == []
    assert put(a_removed_one(), posted("in_progress")) == [(FIRST, "neutral")]


def test_what_was_removed_although_its_pull_request_is_open_proves_nothing_any_more() -> None:
    for record in (a_removed_one(dismissed=FIRST), a_removing_one(unwanted="the label 'no-preview' is on it")):
        assert put(record, posted("success")) == [(FIRST, "neutral")]


def test_a_new_commit_of_a_fork_whose_environment_goes_is_told_how_it_gets_one() -> None:
    going = a_removing_one("code of a fork " * 20, head_sha=SECOND, unwanted="code of a fork", awaits_approval=True)

    (check,) = checks_to_put(going, (posted("success"),), GITHUB)

    assert (check.head_sha, check.state) == (SECOND, "neutral")
    assert f"/dagbranch deploy {SECOND}" in check.title
    assert f"\n/dagbranch deploy {SECOND}\n" in check.summary


@pytest.mark.parametrize(
    ("before", "after", "edited"),
    [
        (None, "in_progress", None),
        ("queued", "in_progress", 7),
        ("in_progress", "failure", 7),
        ("success", "in_progress", None),
        ("failure", "success", None),
        ("neutral", "neutral", 7),
        ("success", "neutral", 7),
    ],
)
def test_a_run_that_has_ended_never_begins_again_and_one_with_annotations_is_never_edited(
    before: CheckState | None, after: CheckState, edited: int | None
) -> None:
    standing = posted(before) if before else None

    number = id_to_edit(Check("dagbranch/preview", FIRST, after, "title"), standing)

    assert number == edited


# Merge queue


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (a_ready_one(), "success"),
        (a_refused_one(), "neutral"),
        (a_removed_one(dismissed=FIRST), "neutral"),
        (a_deploying_one(), "failure"),
        (a_waiting_one(), "failure"),
        (a_failed_one("dags/x.py:3: no"), "failure"),
        (None, "failure"),
    ],
    ids=["ready", "refused", "expired", "deploying", "waiting", "failed", "unknown"],
)
def test_a_merge_queues_group_is_answered_at_once_by_what_its_member_has_proven(
    record: Environment | None, state: CheckState
) -> None:
    check = group_check(GROUP, record, "preview", GITHUB)

    assert (check.name, check.head_sha, check.state) == ("dagbranch/preview", GROUP, state)
    assert check.title
    assert check.annotations == ()
