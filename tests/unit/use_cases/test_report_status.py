from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.environments import Environment
from dagbranch.domain.report_comment import comment_of
from dagbranch.domain.reports import Answer, CheckState, MergeGroup
from dagbranch.domain.requests import ReportRequest
from dagbranch.errors import NotYetError, TransientUpstreamError, UpstreamError
from dagbranch.use_cases.report_status import report_status
from dagbranch.use_cases.telling import Reporter
from tests.fakes.examples import FIRST, NOW, PULL_NUMBER, REPOSITORY, REPOSITORY_ID, SECOND, Clock
from tests.fakes.github_reports import InMemoryGitHubReports
from tests.fakes.leases import InMemoryLeases
from tests.fakes.registry import InMemoryRegistry
from tests.fakes.releases import InMemoryReleases
from tests.fakes.report_examples import (
    GITHUB,
    a_deploying_one,
    a_failed_one,
    a_ready_one,
    a_removed_one,
    a_waiting_one,
    an_answer,
)
from tests.fakes.reports import InMemoryReports
from tests.fakes.telemetry import InMemoryTelemetry

KEY = REPOSITORY_ID, PULL_NUMBER
GROUP = MergeGroup(REPOSITORY_ID, REPOSITORY, "9" * 40, PULL_NUMBER)
REFUSED = UpstreamError("GitHub: the credentials have no right for this")
LIMIT = TransientUpstreamError("GitHub answered 403 try again in 300 s", retry_seconds=300)
BUSY = TransientUpstreamError("GitHub answered 502")


class Stage:
    """A registry that others write, and what report_status makes of it at GitHub."""

    def __init__(self, *, has_deployments: bool = True) -> None:
        self.registry = InMemoryRegistry()
        self.reports = InMemoryReports()
        self.github = InMemoryGitHubReports()
        self.leases = InMemoryLeases(Clock())
        self.telemetry = InMemoryTelemetry()
        self.has_deployments = has_deployments

    def write(self, record: Environment) -> None:
        standing = self.registry.get(*KEY)
        self.registry.save(replace(record, revision=standing.revision if standing else 0), event="")

    def report(self, answer: Answer | None = None, head_sha: str = FIRST, repository: str = REPOSITORY) -> None:
        self.take(ReportRequest(*(REPOSITORY_ID, repository, PULL_NUMBER), head_sha, NOW, answer))

    def take(self, request: ReportRequest | MergeGroup) -> None:
        by = Reporter(
            lane="preview",
            allowed_repositories=frozenset({REPOSITORY}),
            has_deployments=self.has_deployments,
            lease_seconds=60,
            pages=GITHUB,
            registry=self.registry,
            reports=self.reports,
            github=self.github,
            ledger=InMemoryReleases(),
            deployments=self.github.at_github,
            leases=self.leases,
            telemetry=self.telemetry,
        )
        report_status(request, by=by)

    @property
    def comment(self) -> str:
        """The one that is ours."""
        (only,) = (one.text for one in self.github.comments.values() if one.text.startswith("<!--"))
        return only

    def check(self, head_sha: str = FIRST) -> CheckState | None:
        found = self.github.check_at(head_sha)
        return found.state if found else None

    @property
    def deployments(self) -> list[tuple[str, list[str]]]:
        return [(one.head_sha, list(map(str, one.states))) for one in self.github.deployments.values()]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_request_goes_from_in_progress_to_ready_in_one_comment_one_check_and_one_deployment(stage: Stage) -> None:
    stage.write(a_deploying_one())
    stage.report()
    before = stage.comment
    stage.write(a_ready_one())
    stage.report()

    assert "is being deployed" in before
    assert stage.comment == comment_of(a_ready_one(), (), GITHUB)
    assert stage.check() == "success"
    assert len(stage.github.checks) == 1
    assert stage.deployments == [(FIRST, ["in_progress", "success"])]


def test_what_stands_as_it_should_is_not_written_again(stage: Stage) -> None:
    stage.write(a_ready_one())
    stage.report()
    stage.github.written.clear()

    stage.report()

    assert stage.github.written == []


def test_a_push_ends_what_was_told_of_the_commit_before(stage: Stage) -> None:
    stage.write(a_deploying_one())
    stage.report()
    stage.write(a_deploying_one(head_sha=SECOND, generation=2, pipeline=None))

    stage.report(head_sha=SECOND)

    assert (stage.check(FIRST), stage.check(SECOND)) == ("neutral", "in_progress")
    assert stage.deployments == [(FIRST, ["in_progress", "inactive"]), (SECOND, ["in_progress"])]


def test_an_event_of_the_commit_before_that_comes_late_tells_what_is_true_now(stage: Stage) -> None:
    stage.write(a_ready_one(head_sha=SECOND))
    stage.report(head_sha=SECOND)
    told = stage.comment

    stage.report(head_sha=FIRST)

    assert stage.comment == told
    assert stage.check(FIRST) is None


def test_a_force_push_back_takes_up_the_commit_anew(stage: Stage) -> None:
    for record in (a_deploying_one(), a_deploying_one(head_sha=SECOND, generation=2), a_ready_one()):
        stage.write(record)
        stage.report()

    assert (stage.check(FIRST), stage.check(SECOND)) == ("success", "neutral")
    assert stage.deployments[-1] == (FIRST, ["success"])


def test_a_failure_that_is_mended_leaves_no_annotation_behind(stage: Stage) -> None:
    for record in (a_failed_one("dags/x.py:3: no"), a_ready_one()):
        stage.write(record)
        stage.report()

    shown = stage.github.check_at(FIRST)
    assert shown is not None
    assert (shown.state, shown.annotations) == ("success", ())
    assert [one.state for one in stage.github.checks.values()] == ["failure", "success"]


def test_a_removal_ends_the_deployment_and_keeps_what_the_check_has_proven(stage: Stage) -> None:
    for record in (a_ready_one(), a_removed_one()):
        stage.write(record)
        stage.report()

    assert "is removed" in stage.comment
    assert stage.check() == "success"
    assert stage.deployments == [(FIRST, ["success", "inactive"])]


def test_an_answer_is_told_once_with_a_reaction_however_often_its_message_comes(stage: Stage) -> None:
    command = stage.github.write_comment(REPOSITORY, PULL_NUMBER, "/dagbranch keep")
    stage.write(a_ready_one())

    stage.report(an_answer(command))
    stage.report(an_answer(command))

    assert stage.comment.count("taken: it does not expire") == 1
    assert stage.github.reactions == {(command, "eyes")}


def test_the_last_answers_are_kept_whatever_their_order(stage: Stage) -> None:
    stage.write(a_ready_one())

    for number in (7, 2, 3, 1, 4, 5, 6):
        stage.report(an_answer(number, text=f"answer {number}"))

    assert [one.comment_id for one in stage.reports.get(*KEY).answers] == [3, 4, 5, 6, 7]
    assert "answer 7" in stage.comment
    assert "answer 2" not in stage.comment


def test_an_answer_is_told_where_nothing_is_on_record(stage: Stage) -> None:
    stage.report(an_answer())

    assert "Nothing is known of this pull request" in stage.comment
    assert stage.github.checks == {}


def test_where_there_is_nothing_to_tell_nothing_is_written(stage: Stage) -> None:
    stage.report()

    assert stage.github.written == []


def test_nothing_is_written_to_a_repository_that_is_not_on_the_list(stage: Stage) -> None:
    stage.write(a_ready_one())

    stage.report(an_answer(), repository="acme/others")

    assert stage.github.written == []


def test_what_was_removed_without_ever_having_had_a_record_is_not_told(stage: Stage) -> None:
    stage.write(a_removed_one("feature1 has no record of its own", branch=""))

    stage.report()

    assert stage.github.written == []


def test_without_deployments_comment_and_check_are_told(stage: Stage) -> None:
    stage.has_deployments = False
    stage.write(a_ready_one())

    stage.report()

    assert stage.deployments == []
    assert stage.check() == "success"


def test_a_deployment_that_stands_when_they_are_switched_off_is_still_ended(stage: Stage) -> None:
    stage.write(a_ready_one())
    stage.report()
    stage.has_deployments = False
    stage.write(a_removed_one())

    stage.report()

    assert stage.deployments == [(FIRST, ["success", "inactive"])]


# Merge queue


def test_a_merge_queues_group_is_answered_by_what_its_member_has_proven(stage: Stage) -> None:
    stage.take(GROUP)
    unknown = stage.check(GROUP.head_sha)
    stage.write(a_ready_one())

    stage.take(GROUP)
    stage.take(GROUP)

    assert unknown == "failure"
    assert stage.check(GROUP.head_sha) == "success"
    assert [one.state for one in stage.github.checks.values()] == ["failure", "success"]


# Faults


@pytest.mark.parametrize(
    ("what", "error"),
    [
        *((what, REFUSED) for what in ("comment", "check", "reaction")),
        *((what, BUSY) for what in ("comment", "check", "deployment", "reaction")),
    ],
)
def test_what_fails_keeps_nothing_else_from_being_told_and_is_made_good_later(
    stage: Stage, what: str, error: UpstreamError
) -> None:
    stage.write(a_ready_one())
    command = stage.github.write_comment(REPOSITORY, PULL_NUMBER, "/dagbranch keep")

    with stage.github.refusing(what, error), pytest.raises(UpstreamError) as told:
        stage.report(an_answer(command))
    others = set(stage.github.written)
    stage.report(an_answer(command))

    assert type(told.value) is type(error)
    assert others == {"comment", "check", "deployment", "reaction"} - {what}
    assert stage.comment == comment_of(a_ready_one(), (an_answer(command),), GITHUB)
    assert (stage.check(), stage.deployments) == ("success", [(FIRST, ["success"])])
    assert stage.github.reactions == {(command, "eyes")}


def test_what_may_pass_is_tried_again_also_where_something_else_is_refused_for_good(stage: Stage) -> None:
    stage.write(a_ready_one())

    with (
        stage.github.refusing("comment", REFUSED),
        stage.github.refusing("check", BUSY),
        pytest.raises(TransientUpstreamError),
    ):
        stage.report()

    assert stage.deployments == [(FIRST, ["success"])]


@pytest.mark.parametrize("what", ["reaction", "comment", "check"])
def test_a_limit_ends_it_at_once_and_the_queue_waits_as_long_as_github_asks(stage: Stage, what: str) -> None:
    stage.write(a_ready_one())
    order = ["reaction", "comment", "check", "deployment"]
    command = stage.github.write_comment(REPOSITORY, PULL_NUMBER, "/dagbranch keep")

    with stage.github.refusing(what, LIMIT), pytest.raises(TransientUpstreamError) as told:
        stage.report(an_answer(command))
    before = list(stage.github.written)
    stage.report(an_answer(command))

    assert told.value.retry_seconds == 300
    assert before == order[: order.index(what)]
    assert set(stage.github.written) == set(order)
    assert "taken: it does not expire" in stage.comment


def test_a_deployment_that_github_refuses_is_told_in_the_log_once_and_fails_nothing(stage: Stage) -> None:
    with stage.github.refusing("deployment", REFUSED):
        for record in (a_deploying_one(), a_ready_one(), a_ready_one(), a_ready_one(head_sha=SECOND), a_removed_one()):
            stage.write(record)
            stage.report()

    warnings = [one for one in stage.telemetry.lines if "no deployment" in one[0]]
    assert len(warnings) == 1
    assert "is removed" in stage.comment
    assert (stage.check(FIRST), stage.check(SECOND)) == ("success", "success")


def test_deployments_are_told_from_the_next_change_on_after_the_right_was_given(stage: Stage) -> None:
    stage.write(a_deploying_one())
    with stage.github.refusing("deployment", REFUSED):
        stage.report()
    stage.write(a_ready_one())

    stage.report()
    stage.report()

    assert stage.deployments == [(FIRST, ["success"])]


def test_one_worker_at_a_time_tells_of_a_pull_request(stage: Stage) -> None:
    stage.write(a_ready_one())

    with stage.leases.held(f"report {REPOSITORY_ID}#{PULL_NUMBER}", 60), pytest.raises(NotYetError):
        stage.report()

    assert stage.github.written == []


# In any order


STORY: Sequence[Environment] = [
    a_waiting_one(),
    a_deploying_one(pipeline=None),
    a_deploying_one(),
    a_failed_one("dags/x.py:3: ImportError: no"),
    a_deploying_one(head_sha=SECOND, generation=2),
    a_ready_one(head_sha=SECOND, generation=2, ready_at=NOW + timedelta(seconds=90)),
    a_removed_one(head_sha=SECOND),
]


@pytest.mark.slow
@given(st.permutations(range(len(STORY))), st.lists(st.integers(0, 3), min_size=len(STORY), max_size=len(STORY)))
def test_the_comment_never_goes_back_in_time_whatever_the_order_of_the_events(
    order: Sequence[int], after: Sequence[int]
) -> None:
    """Each write of the record has an event that comes some writes later, in another order, and twice."""
    stage = Stage()
    told = [comment_of(record, (), GITHUB) for record in STORY]
    late: list[int] = []
    for number, record in enumerate(STORY):
        stage.write(record)
        late = sorted([*late, number], key=order.index)
        for event in [late.pop(0) for _ in range(min(after[number], len(late)))]:
            stage.report(head_sha=STORY[event].head_sha)
    for event in [*late, *order]:
        stage.report(head_sha=STORY[event].head_sha)

    seen = [told.index(text) for text in stage.github.history]
    assert seen == sorted(seen)
    assert stage.comment == told[-1]
    assert {run.state for run in stage.github.checks.values()} <= {"success", "failure", "neutral"}
    assert {states[-1] for _, states in stage.deployments} <= {"inactive"}
