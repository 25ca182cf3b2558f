from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.sweep import STUCK_AFTER, Action, plan_sweep
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, SECOND, a_pull_request, an_environment


def kinds(*environments: Environment, pulls: tuple[PullRequest, ...] = ()) -> list[tuple[str, int]]:
    return [(action.kind, action.pull_number) for action in plan_sweep(environments, {REPOSITORY: pulls}, NOW)]


def test_an_environment_whose_pull_request_is_not_open_is_removed() -> None:
    (action,) = plan_sweep([an_environment(status=Status.READY)], {REPOSITORY: []}, NOW)

    assert action == Action("remove", REPOSITORY, REPOSITORY_ID, 1, FIRST, "its pull request is not open")


@pytest.mark.parametrize("status", [Status.REFUSED, Status.REMOVED])
def test_what_is_gone_or_never_was_is_not_removed_again(status: Status) -> None:
    assert kinds(an_environment(status=status)) == []


def test_a_removal_under_way_of_a_closed_pull_request_is_asked_for_again() -> None:
    assert kinds(an_environment(status=Status.REMOVING)) == [("remove", 1)]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.REQUESTED, [("request", 1)]),
        (Status.DEPLOYING, [("request", 1)]),
        (Status.REMOVING, [("remove", 1)]),
        (Status.READY, []),
        (Status.FAILED, []),
    ],
)
def test_what_got_stuck_is_asked_for_again(status: Status, expected: list[Any]) -> None:
    stuck = an_environment(status=status, updated_at=NOW - STUCK_AFTER - timedelta(seconds=1))

    assert kinds(stuck, pulls=(a_pull_request(),)) == expected


@pytest.mark.parametrize(
    ("status", "head_sha", "expected"),
    [
        (Status.READY, FIRST, []),
        (Status.REQUESTED, FIRST, []),
        (Status.FAILED, FIRST, []),
        (Status.READY, SECOND, [("request", 1)]),
        (Status.FAILED, SECOND, [("request", 1)]),
        (Status.REMOVING, SECOND, []),
        (Status.REMOVED, FIRST, [("request", 1)]),
        (Status.REFUSED, FIRST, [("request", 1)]),
    ],
)
def test_what_is_behind_github_is_asked_for(status: Status, head_sha: str, expected: list[Any]) -> None:
    assert kinds(an_environment(status=status), pulls=(a_pull_request(head_sha=head_sha),)) == expected


def test_a_pull_request_that_was_never_seen_is_asked_for_whatever_becomes_of_it() -> None:
    fork = a_pull_request(number=2, head_repository_id=9)

    assert kinds(pulls=(a_pull_request(), fork)) == [("request", 1), ("request", 2)]


@pytest.mark.parametrize("different", [{"is_draft": True}, {"head_repository_id": 9}])
def test_a_refusal_on_record_needs_no_second_one(different: dict[str, Any]) -> None:
    refused = an_environment(status=Status.REFUSED, name=None)

    assert kinds(refused, pulls=(a_pull_request(**different),)) == []


def test_the_same_number_in_another_repository_is_another_pull_request() -> None:
    environment = an_environment(repository_id=5, repository="acme/other", status=Status.READY)

    found = plan_sweep([environment], {REPOSITORY: [a_pull_request()], "acme/other": []}, NOW)

    assert [(action.kind, action.repository) for action in found] == [
        ("remove", "acme/other"),
        ("request", REPOSITORY),
    ]


environments = st.builds(
    an_environment,
    pull_number=st.integers(1, 5),
    status=st.sampled_from(Status),
    head_sha=st.sampled_from([FIRST, SECOND]),
)
pulls = st.builds(
    a_pull_request,
    number=st.integers(1, 5),
    is_draft=st.booleans(),
    head_sha=st.sampled_from([FIRST, SECOND]),
    head_repository_id=st.sampled_from([REPOSITORY_ID, 9, None]),
)


@given(st.lists(environments, unique_by=lambda one: one.pull_number), st.lists(pulls, unique_by=lambda one: one.number))
def test_a_pull_request_is_acted_on_at_most_once_and_an_open_one_is_never_removed(
    found: list[Environment], open_pulls: list[PullRequest]
) -> None:
    actions = plan_sweep(found, {REPOSITORY: open_pulls}, NOW)

    numbers = [action.pull_number for action in actions]
    assert len(set(numbers)) == len(numbers)
    is_open = {pull.number for pull in open_pulls}
    assert {action.pull_number for action in actions if action.kind == "remove"} == {
        one.pull_number for one in found if one.is_live and one.pull_number not in is_open
    }
    assert {action.pull_number for action in actions if action.kind == "request"} <= is_open


def test_nothing_of_a_repository_that_could_not_be_read_is_removed() -> None:
    found = [
        an_environment(status=Status.READY),
        an_environment(status=Status.READY, repository="acme/other", repository_id=5),
    ]

    actions = plan_sweep(found, {"acme/other": []}, NOW, unread={REPOSITORY.lower()})

    assert [(action.kind, action.repository) for action in actions] == [("remove", "acme/other")]
