"""What is promised of all that is written to GitHub: the fake in memory and the adapter at the double alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from dagbranch.domain.problems import Problem
from dagbranch.domain.report_comment import marker
from dagbranch.domain.reports import (
    Check,
    CheckState,
    Deployment,
    DeploymentState,
    Reaction,
    ReleaseState,
    ReleaseStatus,
)
from dagbranch.ports import GitHubReports

OURS = marker("preview")


class Told(Protocol):
    """What people see there; ``head_sha`` and another commit are in its repository."""

    repository: str
    pull_number: int
    head_sha: str

    def comments(self) -> Sequence[tuple[int, str]]:
        """All of the pull request, the oldest first."""

    def write_comment(self, text: str) -> int:
        """A person's."""

    def delete_comment(self, comment_id: int) -> None: ...

    def check(self) -> tuple[CheckState, str] | None:
        """State and title of the head commit's latest check of the name, whatever it is made of."""

    def annotations(self) -> Sequence[Problem]:
        """Of the latest check."""

    def deployment_states(self, deployment_id: int) -> Sequence[DeploymentState]:
        """The latest last."""

    def release_states(self, deployment_id: int) -> Sequence[ReleaseState]:
        """Of a deployment to a release lane, the latest last."""

    def delete_release(self, deployment_id: int) -> None: ...

    def reactions(self, comment_id: int) -> Sequence[Reaction]: ...


class GitHubReportsContract:
    def test_the_comment_is_made_once_and_then_edited(self, reports: GitHubReports, told: Told) -> None:
        first = put_comment(reports, told, "one", None)
        second = put_comment(reports, told, "two\n\n| ünï | `code` |", first)

        assert first == second
        assert told.comments() == [(first, f"{OURS}\ntwo\n\n| ünï | `code` |")]

    def test_without_an_id_ours_is_found_by_its_marker(self, reports: GitHubReports, told: Told) -> None:
        told.write_comment(f"I quote {OURS}")
        told.write_comment("/dagbranch status")
        first = put_comment(reports, told, "one", None)

        assert put_comment(reports, told, "two", None) == first
        assert [text for _, text in told.comments()][2:] == [f"{OURS}\ntwo"]

    def test_a_strangers_comment_that_begins_with_our_marker_is_not_taken_for_ours(
        self, reports: GitHubReports, told: Told
    ) -> None:
        copied = told.write_comment(f"{OURS}\nnot by dagbranch")
        first = put_comment(reports, told, "one", None)

        second = put_comment(reports, told, "two", None)

        assert second == first
        assert told.comments() == [(copied, f"{OURS}\nnot by dagbranch"), (first, f"{OURS}\ntwo")]

    def test_a_comment_that_was_deleted_is_made_anew(self, reports: GitHubReports, told: Told) -> None:
        first = put_comment(reports, told, "one", None)
        told.delete_comment(first)

        second = put_comment(reports, told, "two", first)

        assert second != first
        assert told.comments() == [(second, f"{OURS}\ntwo")]

    def test_a_check_goes_on_until_it_has_ended(self, reports: GitHubReports, told: Told) -> None:
        check_id = reports.put_check(told.repository, a_check(told, "queued", "place 2 in the line"), None)
        queued = told.check()
        check_id = reports.put_check(told.repository, a_check(told, "in_progress", "on its way"), check_id)
        on_its_way = told.check()
        reports.put_check(told.repository, a_check(told, "success", "3 DAGs"), check_id)

        assert queued == ("queued", "place 2 in the line")
        assert on_its_way == ("in_progress", "on its way")
        assert told.check() == ("success", "3 DAGs")

    def test_one_that_has_ended_can_be_put_anew(self, reports: GitHubReports, told: Told) -> None:
        reports.put_check(told.repository, a_check(told, "failure", "import error"), None)

        reports.put_check(told.repository, a_check(told, "in_progress", "on its way"), None)

        assert told.check() == ("in_progress", "on its way")

    def test_a_neutral_one_ends_what_was_under_way(self, reports: GitHubReports, told: Told) -> None:
        check_id = reports.put_check(told.repository, a_check(told, "in_progress", "on its way"), None)

        reports.put_check(told.repository, a_check(told, "neutral", "superseded by 2222222"), check_id)

        assert told.check() == ("neutral", "superseded by 2222222")

    def test_problems_are_told_at_their_places(self, reports: GitHubReports, told: Told) -> None:
        problems = (Problem("dags/x.py", 3, "ImportError: no"), Problem("dagbranch.yaml", None, "version is missing"))
        check = replace(a_check(told, "failure", "2 problems"), annotations=problems, summary="- `dags/x.py:3`")

        reports.put_check(told.repository, check, None)

        assert sorted(told.annotations(), key=lambda one: one.path) == [
            Problem("dagbranch.yaml", 1, "version is missing"),  # GitHub wants a line
            Problem("dags/x.py", 3, "ImportError: no"),
        ]

    def test_a_deployment_goes_from_state_to_state(self, reports: GitHubReports, told: Told) -> None:
        deployment_id = reports.put_deployment(told.repository, a_deployment(told, "in_progress"), None)
        ready = replace(a_deployment(told, "success"), url="https://airflow.example/dags?tags=feature1")

        same = reports.put_deployment(told.repository, ready, deployment_id)
        reports.put_deployment(told.repository, ready, deployment_id)
        reports.put_deployment(told.repository, a_deployment(told, "inactive"), deployment_id)

        assert same == deployment_id
        assert told.deployment_states(deployment_id) == ["in_progress", "success", "inactive"]

    def test_without_an_id_a_deployment_is_a_new_one(self, reports: GitHubReports, told: Told) -> None:
        first = reports.put_deployment(told.repository, a_deployment(told, "failure"), None)

        second = reports.put_deployment(told.repository, a_deployment(told, "in_progress"), None)

        assert second != first
        assert told.deployment_states(first) == ["failure"]
        assert told.deployment_states(second) == ["in_progress"]

    def test_without_an_id_one_that_is_under_way_is_taken_up(self, reports: GitHubReports, told: Told) -> None:
        first = reports.put_deployment(told.repository, a_deployment(told, "in_progress"), None)

        second = reports.put_deployment(told.repository, a_deployment(told, "success"), None)

        assert second == first
        assert told.deployment_states(first) == ["in_progress", "success"]

    def test_what_is_under_way_at_the_same_commit_for_another_pull_request_is_left_alone(
        self, reports: GitHubReports, told: Told
    ) -> None:
        ours = a_deployment(told, "in_progress")
        first = reports.put_deployment(told.repository, ours, None)
        theirs = replace(ours, pull_number=told.pull_number + 1)

        second = reports.put_deployment(told.repository, theirs, None)
        reports.put_deployment(told.repository, replace(theirs, state="inactive"), second)

        assert second != first
        assert told.deployment_states(first) == ["in_progress"]
        assert told.deployment_states(second) == ["in_progress", "inactive"]

    def test_a_release_goes_from_state_to_state_and_is_told_of_what_is_new_alone(
        self, reports: GitHubReports, told: Told
    ) -> None:
        deployment_id = reports.make_release(told.repository, "prod", told.head_sha, "all gates have passed")
        queued = ReleaseStatus(deployment_id, "prod", "queued", "waiting for prod: soak")

        for status in (
            queued,
            queued,
            replace(queued, description="waiting for prod: runs"),
            replace(queued, state="in_progress", description="promoted to prod"),
            replace(queued, state="success", description="3 DAGs", url="https://airflow.example/dags"),
        ):
            reports.put_release_status(told.repository, status)

        assert told.release_states(deployment_id) == ["queued", "queued", "in_progress", "success"]

    def test_a_release_is_another_one_each_time(self, reports: GitHubReports, told: Told) -> None:
        first = reports.make_release(told.repository, "prod", told.head_sha, "one")
        reports.put_release_status(told.repository, ReleaseStatus(first, "prod", "success", "3 DAGs"))

        second = reports.make_release(told.repository, "prod", told.head_sha, "two")
        reports.put_release_status(told.repository, ReleaseStatus(second, "prod", "success", "3 DAGs"))

        assert first != second
        assert told.release_states(first) == told.release_states(second) == ["success"]

    def test_a_release_that_is_gone_is_no_fault(self, reports: GitHubReports, told: Told) -> None:
        deployment_id = reports.make_release(told.repository, "prod", told.head_sha, "one")
        told.delete_release(deployment_id)

        reports.put_release_status(told.repository, ReleaseStatus(deployment_id, "prod", "success", "3 DAGs"))

        assert told.release_states(deployment_id) == []

    def test_a_reaction_stands_once_however_often_it_is_told(self, reports: GitHubReports, told: Told) -> None:
        comment_id = told.write_comment("/dagbranch deploy")

        reports.react(told.repository, comment_id, "eyes")
        reports.react(told.repository, comment_id, "eyes")

        assert told.reactions(comment_id) == ["eyes"]

    def test_a_reaction_to_a_comment_that_is_gone_is_no_fault(self, reports: GitHubReports, told: Told) -> None:
        comment_id = told.write_comment("/dagbranch deploy")
        told.delete_comment(comment_id)

        reports.react(told.repository, comment_id, "-1")

        assert told.comments() == []


def put_comment(reports: GitHubReports, told: Told, text: str, comment_id: int | None) -> int:
    return reports.put_comment(told.repository, told.pull_number, f"{OURS}\n{text}", comment_id)


def a_check(told: Told, state: CheckState, title: str) -> Check:
    return Check("dagbranch/preview", told.head_sha, state, title)


def a_deployment(told: Told, state: DeploymentState) -> Deployment:
    return Deployment("dagbranch/preview", told.head_sha, told.pull_number, state, "feature1")
