from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from time import process_time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.eligibility import reason_of_paths, reason_to_skip
from dagbranch.domain.environments import Environment, Half, PullRequest, Status
from dagbranch.domain.ownership import Owner
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.policy import Policy
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.sweep import SweepPlan, is_due, plan_sweep
from dagbranch.domain.sweep_truths import STUCK_AFTER, Action, Truths
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, SECOND, a_pull_request, an_environment

UNLIMITED = Policy()
NOTHING = SweepPlan(())
HOUR = 4  # of NOW's own day, which has passed
SAID = parse_pipeline_file(b"version: 1\n")
LABELLED = parse_pipeline_file(b"version: 1\npreviews: {label: preview}\n")
FULL = "the server has room for 1 environments, and 1 stand; place 1 in the line"


def planned(
    environments: Sequence[Environment], open_pulls: Mapping[str, Sequence[PullRequest]], unread: Collection[str] = ()
) -> list[Action]:
    return list(swept(Truths(environments, open_pulls, unread)).actions)


def swept(truths: Truths, policy: Policy = UNLIMITED) -> SweepPlan:
    return plan_sweep(truths, policy, NOW, lane="preview", follow_base_hour=HOUR)


def kinds(*environments: Environment, pulls: tuple[PullRequest, ...] = ()) -> list[tuple[str, int]]:
    return [(action.kind, action.pull_number) for action in planned(environments, {REPOSITORY: pulls})]


def test_an_environment_whose_pull_request_is_not_open_is_removed() -> None:
    (action,) = planned([an_environment(status=Status.READY)], {REPOSITORY: []})

    assert action == Action("remove", REPOSITORY, REPOSITORY_ID, 1, FIRST, "its pull request is not open", 1)


@pytest.mark.parametrize("status", [Status.REFUSED, Status.REMOVED])
def test_what_is_gone_or_never_was_is_not_removed_again(status: Status) -> None:
    assert kinds(an_environment(status=status)) == []


def test_a_removal_under_way_is_asked_for_again_only_where_it_got_stuck() -> None:
    stuck = an_environment(status=Status.REMOVING, updated_at=NOW - STUCK_AFTER - timedelta(seconds=1))

    assert kinds(an_environment(status=Status.REMOVING)) == []
    assert kinds(stuck) == [("remove", 1)]


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
        (Status.REFUSED, SECOND, [("request", 1)]),
    ],
)
def test_what_is_behind_github_is_asked_for(status: Status, head_sha: str, expected: list[Any]) -> None:
    assert kinds(an_environment(status=status), pulls=(a_pull_request(head_sha=head_sha),)) == expected


def test_a_pull_request_that_was_never_seen_is_asked_for_whatever_becomes_of_it() -> None:
    fork = a_pull_request(number=2, head_repository_id=9)

    assert kinds(pulls=(a_pull_request(), fork)) == [("request", 1), ("request", 2)]


@pytest.mark.parametrize("different", [{"is_draft": True}, {"head_repository_id": 9}, {"base_ref": "release"}])
def test_a_refusal_on_record_needs_no_second_one_until_there_is_another_commit(different: dict[str, Any]) -> None:
    pull = a_pull_request(**different)
    refused = an_environment(status=Status.REFUSED, name=None, message=reason_to_skip(pull, None, SAID))

    def asked_for(**newer: Any) -> list[str]:
        truths = Truths([refused], {REPOSITORY: [replace(pull, **newer)]}, files={REPOSITORY: SAID})
        return [one.kind for one in swept(truths).actions]

    assert asked_for() == []
    assert asked_for(head_sha=SECOND) == ["request"]
    assert asked_for(is_draft=False, head_repository_id=REPOSITORY_ID, base_ref="main") == ["request"]


def test_a_change_of_no_pipeline_is_looked_at_again_once_other_paths_count() -> None:
    refused = an_environment(status=Status.REFUSED, message=reason_of_paths({"README.md"}, SAID))

    def asked_for(said: PipelineFile) -> list[str]:
        truths = Truths([refused], {REPOSITORY: [a_pull_request()]}, files={REPOSITORY: said})
        return [one.kind for one in swept(truths).actions]

    assert asked_for(SAID) == []
    assert asked_for(parse_pipeline_file(b"version: 1\npreviews: {paths: all}\n")) == ["request"]


def test_a_refusal_stands_while_nobody_can_read_the_default_branchs_file() -> None:
    refused = an_environment(status=Status.REFUSED, message="only pull requests with the label 'preview'")

    assert kinds(refused, pulls=(a_pull_request(),)) == []


@pytest.mark.parametrize("status", [Status.READY, Status.FAILED, Status.WAITING])
def test_what_may_not_have_one_any_more_is_looked_at(status: Status) -> None:
    truths = Truths([an_environment(status=status)], {REPOSITORY: [a_pull_request()]}, files={REPOSITORY: LABELLED})

    assert [one.kind for one in swept(truths).actions] == ["request"]


def test_what_is_unwanted_is_removed_and_a_draft_that_stands_is_not() -> None:
    unwanted = an_environment(status=Status.READY, unwanted="only with a label")

    assert kinds(unwanted, pulls=(a_pull_request(),)) == [("remove", 1)]
    assert kinds(an_environment(status=Status.READY), pulls=(a_pull_request(is_draft=True),)) == []


def test_an_approved_commit_of_a_fork_is_repaired_like_any_other_and_its_next_one_is_looked_at() -> None:
    standing = verified(approved=FIRST)
    fork = a_pull_request(head_repository_id=9)

    def asked_for(pull: PullRequest, *zips: str) -> list[str]:
        truths = Truths([standing], {REPOSITORY: [pull]}, standing=dict.fromkeys(zips), files={REPOSITORY: SAID})
        return [one.why for one in swept(truths).actions]

    assert asked_for(fork, "feature1") == []
    assert asked_for(fork) == ["its zip has gone from the bucket"]
    (why,) = asked_for(replace(fork, head_sha=SECOND), "feature1")
    assert "another repository" in why


def test_the_same_number_in_another_repository_is_another_pull_request() -> None:
    environment = an_environment(repository_id=5, repository="acme/other", status=Status.READY)

    found = planned([environment], {REPOSITORY: [a_pull_request()], "acme/other": []})

    assert [(action.kind, action.repository) for action in found] == [
        ("remove", "acme/other"),
        ("request", REPOSITORY),
    ]


environments = st.builds(
    an_environment,
    pull_number=st.integers(1, 5),
    status=st.sampled_from(Status),
    head_sha=st.sampled_from([FIRST, SECOND]),
    schemas=st.sampled_from([(), ("db_attribution_feature1",)]),
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
    actions = planned(found, {REPOSITORY: open_pulls})

    numbers = [action.pull_number for action in actions]
    assert len(set(numbers)) == len(numbers)
    is_open = {pull.number for pull in open_pulls}
    assert {action.pull_number for action in actions if action.kind == "remove"} == {
        one.pull_number
        for one in found
        if (one.is_live or one.status == Status.WAITING)
        and one.status != Status.REMOVING
        and one.pull_number not in is_open
    }
    assert {action.pull_number for action in actions if action.kind == "request"} <= is_open


def test_nothing_of_a_repository_that_could_not_be_read_is_removed() -> None:
    found = [
        an_environment(status=Status.READY),
        an_environment(status=Status.READY, repository="acme/other", repository_id=5),
    ]

    actions = planned(found, {"acme/other": []}, unread={REPOSITORY.lower()})

    assert [(action.kind, action.repository) for action in actions] == [("remove", "acme/other")]


def test_what_left_the_list_is_not_removed_while_it_may_be_another_name_of_what_could_not_be_read() -> None:
    found = [an_environment(status=Status.READY, repository="acme/formerly", repository_id=5)]

    assert planned(found, {}, unread={REPOSITORY}) == []
    assert [action.kind for action in planned(found, {REPOSITORY: []})] == ["remove"]


# Expiry

POLICY = Policy(expire_after=timedelta(days=14), keep_label="keep-environment")


def test_what_expired_is_removed_and_stays_so_until_something_asks_for_it() -> None:
    expired = an_environment(status=Status.READY, requested_at=NOW - timedelta(days=15))
    dismissed = replace(expired, status=Status.REMOVED, dismissed=FIRST)

    def found(environment: Environment, **different: Any) -> list[str]:
        pulls = {REPOSITORY: [a_pull_request(**different)]}
        return [one.kind for one in swept(Truths([environment], pulls), POLICY).actions]

    assert found(expired) == ["remove"]
    assert found(expired, labels=frozenset({"keep-environment"})) == []
    assert found(expired, head_sha=SECOND) == ["request"]
    assert found(dismissed) == []
    assert found(dismissed, head_sha=SECOND) == ["request"]
    assert found(dismissed, labels=frozenset({"keep-environment"})) == ["request"]


def test_one_that_expired_and_was_closed_is_told_so_that_a_reopened_one_begins_anew() -> None:
    (action,) = planned([an_environment(status=Status.REMOVED, dismissed=FIRST)], {REPOSITORY: []})

    assert (action.kind, action.why) == ("remove", "its pull request was closed: a reopened one begins anew")


# Waiting


def one_that_waits(**different: Any) -> Environment:
    return an_environment(**{"status": Status.WAITING, "pull_number": 2, "name": None, **different})


@pytest.mark.parametrize(
    ("different", "pull", "expected"),
    [
        ({"message": FULL}, {}, []),
        ({"message": "place 2"}, {}, [("request", 2)]),
        ({"message": FULL}, {"head_sha": SECOND}, [("request", 2)]),
        ({"message": FULL}, {"is_draft": True}, [("request", 2)]),
        ({"message": FULL}, {"is_open": False}, [("remove", 2)]),
    ],
    ids=["nothing new", "another place", "another commit", "a draft now", "closed"],
)
def test_one_that_waits_is_looked_at_again_where_there_is_news(
    different: dict[str, Any], pull: dict[str, Any], expected: list[Any]
) -> None:
    known = [an_environment(status=Status.READY), one_that_waits(**different)]
    pulls = [a_pull_request(), a_pull_request(number=2, **pull)]
    told = {REPOSITORY: [one for one in pulls if one.is_open]}

    plan = swept(Truths(known, told), Policy(most_environments=1))

    assert [(one.kind, one.pull_number) for one in plan.actions] == expected


def test_when_there_is_room_the_first_in_the_line_gets_its_turn() -> None:
    known = [one_that_waits(message=FULL), one_that_waits(pull_number=3, requested_at=NOW + timedelta(minutes=1))]
    pulls = {REPOSITORY: [a_pull_request(number=2), a_pull_request(number=3)]}

    plan = swept(Truths(known, pulls), Policy(most_environments=1))

    assert next((one.kind, one.pull_number) for one in plan.actions) == ("request", 2)


def test_a_paused_intake_changes_nothing_of_what_stands() -> None:
    known = [an_environment(status=Status.READY), an_environment(pull_number=2, status=Status.READY)]
    pulls = {REPOSITORY: [a_pull_request(head_sha=SECOND)]}

    plan = swept(Truths(known, pulls, standing={}), Policy(is_paused=True))

    assert [(one.kind, one.pull_number) for one in plan.actions] == [("remove", 2)]


# Repairs

TAG = f"commit:{FIRST[:7]}"
PIPELINE = Half("d", FIRST, 1, NOW)


def listed(dag_id: str = "a", name: str = "feature1", **different: Any) -> ListedDag:
    usual = ListedDag(dag_id, f"/dags/{name}.zip/s.py", frozenset({name, TAG}), is_active=True, parsed_at=NOW)
    return replace(usual, **different)


def repairs(environment: Environment, *rows: ListedDag, zips: tuple[str, ...] = ("feature1",)) -> list[str]:
    truths = Truths([environment], {REPOSITORY: [a_pull_request()]}, (), dict.fromkeys(zips), rows)
    return [one.kind for one in swept(truths).actions]


def verified(**different: Any) -> Environment:
    usual = {"status": Status.READY, "pipeline": PIPELINE, "dag_ids": ("a",), "verified_generation": 1}
    return an_environment(**{**usual, **different})


def failed_there(**different: Any) -> Environment:
    return verified(**{"status": Status.FAILED, "failed_in_airflow": True, **different})


def test_a_ready_environment_that_is_as_it_was_is_left_alone() -> None:
    assert repairs(verified(), listed()) == []


def test_a_ready_environment_whose_zip_is_gone_is_deployed_again() -> None:
    assert repairs(verified(), listed(), zips=()) == ["request"]


@pytest.mark.parametrize("rows", [(), (listed(is_active=False),), (listed("b"),)])
def test_a_ready_environment_that_airflow_lists_no_more_is_verified(rows: tuple[ListedDag, ...]) -> None:
    assert repairs(verified(), *rows) == ["verify"]


def test_rows_of_an_older_commit_beside_a_ready_one_are_looked_at_again() -> None:
    assert repairs(verified(), listed(), listed("b", tags=frozenset({"feature1"}))) == ["verify"]


def test_rows_without_the_environments_tag_are_no_news() -> None:
    assert repairs(verified(), listed(), listed("a.section", tags=frozenset())) == []


def test_what_failed_in_airflow_is_verified_once_it_is_listed_after_all() -> None:
    assert repairs(failed_there(verified_generation=0)) == []
    assert repairs(failed_there(verified_generation=0, dag_ids=("of", "before")), listed()) == ["verify"]
    assert repairs(failed_there(), listed("b")) == []
    assert repairs(failed_there(), listed(), listed("b")) == ["verify"]


def test_what_failed_in_airflow_and_still_has_import_errors_or_failed_elsewhere_is_its_authors() -> None:
    broken = listed(tags=frozenset({"feature1", TAG, "import-errors"}))

    assert repairs(failed_there(verified_generation=0), broken) == []
    assert repairs(verified(status=Status.FAILED), listed()) == []


def test_what_could_not_be_asked_tells_nothing() -> None:
    truths = Truths([verified()], {REPOSITORY: [a_pull_request()]})

    assert swept(truths) == NOTHING


# Orphans


def test_an_orphan_is_removed_by_its_name_and_what_is_nobodys_is_told() -> None:
    standing = {"old": Owner("preview", REPOSITORY_ID, 7), "by_hand": None}
    gone = an_environment(pull_number=7, status=Status.REMOVED, name="old")

    plan = swept(Truths([gone], {REPOSITORY: []}, (), standing))

    assert [(one.kind, one.pull_number, one.orphan) for one in plan.actions] == [("remove", 7, "old")]
    assert [one for one in plan.strange if "by_hand" in one] == list(plan.strange) != []


def test_nothing_is_an_orphan_of_a_repository_that_could_not_be_read() -> None:
    standing = {"old": Owner("preview", REPOSITORY_ID, 7)}
    gone = an_environment(pull_number=7, status=Status.REMOVED, name="old")

    assert swept(Truths([gone], {}, {REPOSITORY}, standing)) == NOTHING


@pytest.mark.slow
def test_thousands_of_environments_are_planned_in_a_moment() -> None:
    known = [verified(pull_number=number, name=f"e{number}") for number in range(1, 5_001)]
    pulls = [a_pull_request(number=number) for number in range(1, 5_001)]
    rows = [listed(name=f"e{number}") for number in range(1, 5_001)]
    standing = {f"e{number}": None for number in range(1, 5_001)}
    truths = Truths(known, {REPOSITORY: pulls}, (), standing, rows, {})

    began = process_time()
    plan = swept(truths)

    assert plan == NOTHING
    assert process_time() - began < 5  # 0.1 s where it is linear


# Following the base


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("compared_at", "now", "hour", "expected"),
    [
        ("2026-11-21T03:59", "2026-11-21T04:00", 4, True),
        ("2026-11-21T04:00", "2026-11-21T04:00", 4, False),
        ("2026-11-21T04:00", "2026-11-22T03:59", 4, False),
        ("2026-11-20T12:00", "2026-11-21T03:59", 4, False),
        ("2026-11-20T03:00", "2026-11-21T03:59", 4, True),
        ("2026-11-20T23:59", "2026-11-21T00:00", 0, True),
        ("2026-11-21T00:00", "2026-11-21T23:59", 0, False),
        ("2026-11-20T22:30", "2026-11-21T00:10", 23, True),
        ("2026-11-20T23:30", "2026-11-21T00:10", 23, False),
        ("2026-12-31T23:30", "2027-01-01T00:10", 23, False),
        ("2026-11-22T09:00", "2026-11-21T09:00", 4, False),
        ("2026-11-01T09:00", "2026-11-21T09:00", 4, True),
    ],
)
def test_data_is_compared_once_after_each_days_hour(compared_at: str, now: str, hour: int, *, expected: bool) -> None:
    assert is_due(at(compared_at), at(now), hour) is expected


def test_data_that_was_never_compared_is_due() -> None:
    assert is_due(None, NOW, HOUR)


def test_the_hour_is_one_of_utc_whatever_the_zone_of_the_clock() -> None:
    here = timezone(timedelta(hours=9))

    assert is_due(at("2026-11-21T03:59"), at("2026-11-21T04:00").astimezone(here), 4)
    assert not is_due(at("2026-11-21T04:00").astimezone(here), at("2026-11-22T03:00").astimezone(here), 4)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 23))
def test_within_a_day_of_any_moment_data_is_due_exactly_once(compared_at: datetime, hour: int) -> None:
    assume(datetime(2, 1, 1, tzinfo=UTC) < compared_at < datetime(9999, 1, 1, tzinfo=UTC))
    due = [is_due(compared_at, compared_at + timedelta(hours=hours), hour) for hours in range(25)]

    assert not due[0]
    assert due[24]
    assert due == sorted(due)


def with_data(**different: Any) -> Environment:
    usual = {"status": Status.READY, "schemas": ("db_attribution_feature1",), "compared_at": NOW - timedelta(days=1)}
    return an_environment(**{**usual, **different})


def test_the_data_of_every_ready_environment_is_compared_when_it_is_due() -> None:
    found = [
        with_data(pull_number=1),
        with_data(pull_number=2, compared_at=None),
        with_data(pull_number=3, compared_at=NOW - timedelta(hours=1)),
        with_data(pull_number=4, schemas=()),
        with_data(pull_number=5),
    ]
    pulls = tuple(a_pull_request(number=number) for number in range(1, 6))

    assert kinds(*found, pulls=pulls) == [("check", 1), ("check", 2), ("check", 5)]


@pytest.mark.parametrize("status", [status for status in Status if status != Status.READY])
def test_only_what_stands_is_compared(status: Status) -> None:
    found = planned([with_data(status=status)], {REPOSITORY: [a_pull_request()]})

    assert [action for action in found if action.kind == "check"] == []


def test_data_is_asked_to_be_compared_once_after_the_hour_whether_that_came_about_or_not() -> None:
    truths = Truths([with_data()], {REPOSITORY: [a_pull_request()]})
    asked = replace(truths, checks_asked_at=NOW - timedelta(hours=1))

    assert [one.kind for one in swept(truths).actions] == ["check"]
    assert swept(asked) == NOTHING
    assert [one.kind for one in swept(replace(asked, checks_asked_at=NOW - timedelta(days=1))).actions] == ["check"]


def test_what_is_to_be_removed_or_deployed_is_not_compared_before() -> None:
    outlived, behind = with_data(pull_number=1), with_data(pull_number=2)

    assert kinds(outlived, behind, pulls=(a_pull_request(number=2, head_sha=SECOND),)) == [
        ("remove", 1),
        ("request", 2),
    ]


def test_a_repository_that_could_not_be_read_is_compared_all_the_same() -> None:
    (action,) = planned([with_data()], {}, unread={REPOSITORY})

    assert action == Action(
        "check", REPOSITORY, REPOSITORY_ID, 1, FIRST, "it is time to compare its data with the base", 1
    )
