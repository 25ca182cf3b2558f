"""What GitHub promises of branches, deployments and checks: the fake, and PyGithub against the double, alike."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import pytest

from dagbranch.domain.release_wishes import AskedDeployment, ReleaseWish
from dagbranch.ports import DefaultBranch, ReleasesAtGitHub

type Maker = Literal["alice", "workflow", "our app"]


class Place(Protocol):
    """One repository with a default branch ``main``, at a commit without checks and deployments."""

    github: ReleasesAtGitHub
    repository: str
    repository_id: int
    app_id: int  # of our own GitHub App

    def push(self, branch: str = "main") -> str:
        """One more commit on it; a new branch begins at ``main``."""

    def deploy(self, environment: str, head_sha: str, maker: Maker = "alice", payload: Any = None) -> int: ...

    def tell(self, deployment_id: int, state: str) -> None:
        """One more status of it."""

    def check(self, head_sha: str, name: str, conclusion: str | None) -> None:
        """A new check run; one without a conclusion still runs."""

    def status(self, head_sha: str, context: str, state: str) -> None:
        """A new commit status."""


class ReleasesAtGitHubContract:
    def test_the_default_branch_is_told_with_its_newest_commit(self, place: Place) -> None:
        place.push("feature1")
        head_sha = place.push()

        found = place.github.default_branch(place.repository)

        assert found == DefaultBranch(place.repository_id, place.repository, "main", head_sha)
        assert place.github.default_branch("acme/gone") is None

    def test_a_branch_has_its_commits_and_no_others(self, place: Place) -> None:
        first, second, aside = place.push(), place.push(), place.push("feature1")

        def on_main(head_sha: str) -> bool:
            return place.github.is_on_branch(place.repository, "main", head_sha)

        assert (on_main(first), on_main(second), on_main(aside), on_main("0" * 40)) == (True, True, False, False)

    def test_a_deployment_is_told_as_its_maker_made_it(self, place: Place) -> None:
        head_sha = place.push()
        wish = {"skip": ["soak"], "reason": "ünï", "canary": True}

        number = place.deploy("prod", head_sha, payload={"dagbranch": wish, "other": 1})

        found = place.github.deployment(place.repository, number)
        assert found is not None
        assert found == AskedDeployment(
            id=number,
            repository_id=place.repository_id,
            repository=place.repository,
            environment="prod",
            head_sha=head_sha,
            creator="alice",
            is_of_a_workflow=False,
            created_at=found.created_at,
            wish=ReleaseWish(skip=("soak",), reason="ünï", canary="take"),
        )

    @pytest.mark.parametrize("payload", [None, "", "for Friday", {"other": {"hold": 7}}, '{"other": 1}'])
    def test_a_payload_that_asks_nothing_of_us_is_no_fault(self, place: Place, payload: object) -> None:
        number = place.deploy("prod", place.push(), payload=payload)

        found = place.github.deployment(place.repository, number)
        assert found is not None
        assert (found.wish, found.faults) == (ReleaseWish(), ())

    def test_a_payload_that_came_as_text_is_read_alike(self, place: Place) -> None:
        number = place.deploy("prod", place.push(), payload='{"dagbranch": {"hold": true, "reason": "sale"}}')

        found = place.github.deployment(place.repository, number)
        assert found is not None
        assert found.wish == ReleaseWish(hold=True, reason="sale")

    def test_what_is_wrong_in_the_payload_is_told_with_it(self, place: Place) -> None:
        number = place.deploy("prod", place.push(), payload={"dagbranch": {"holds": True}})

        found = place.github.deployment(place.repository, number)
        assert found is not None
        assert found.wish == ReleaseWish()
        assert "holds" in found.faults[0]

    def test_a_deployment_has_its_newest_status(self, place: Place) -> None:
        number = place.deploy("prod", place.push())

        for state in ("queued", "in_progress"):
            place.tell(number, state)

        found = place.github.deployment(place.repository, number)
        assert found is not None
        assert found.status == "in_progress"

    def test_who_made_it_is_told_apart(self, place: Place) -> None:
        head_sha = place.push()

        def made(maker: Maker) -> AskedDeployment:
            found = place.github.deployment(place.repository, place.deploy("prod", head_sha, maker))
            assert found is not None
            return found

        by_person, by_workflow, by_our_app = made("alice"), made("workflow"), made("our app")
        assert (by_person.is_of_a_workflow, by_person.made_by_app) == (False, None)
        assert by_workflow.is_of_a_workflow
        assert by_workflow.made_by_app != place.app_id
        assert (by_our_app.is_of_a_workflow, by_our_app.made_by_app) == (False, place.app_id)

    def test_what_a_workflow_asked_for_has_begun_for_good(self, place: Place) -> None:
        number = place.deploy("prod", place.push(), "workflow")

        def told() -> tuple[str | None, bool]:
            found = place.github.deployment(place.repository, number)
            assert found is not None
            return found.status, found.has_begun

        seen = []
        for state in ("queued", "in_progress", "failure"):
            place.tell(number, state)
            seen.append(told())

        assert seen == [("queued", False), ("in_progress", True), ("failure", True)]

    def test_a_deployment_that_is_not_there_is_none(self, place: Place) -> None:
        assert place.github.deployment(place.repository, 987654321) is None
        assert place.github.newest_deployment(place.repository, "prod") is None

    def test_the_newest_deployment_of_an_environment_is_that_of_no_other(self, place: Place) -> None:
        head_sha = place.push()
        place.deploy("prod", head_sha)
        newest = place.deploy("prod", head_sha)
        place.deploy("stage", head_sha)
        place.tell(newest, "failure")

        found = place.github.newest_deployment(place.repository, "prod")

        assert found is not None
        assert (found.id, found.status) == (newest, "failure")

    def test_a_commit_without_checks_has_none(self, place: Place) -> None:
        assert place.github.commit_checks(place.repository, place.push()) == {}

    def test_checks_and_statuses_are_told_by_name_with_the_newest_of_each(self, place: Place) -> None:
        head_sha, other = place.push(), place.push()
        for name, conclusion in (
            ("unit", "failure"),
            ("unit", "success"),
            ("lint", "neutral"),
            ("docs", "skipped"),
            ("e2e", "failure"),
            ("slow", "timed_out"),
            ("ended", "cancelled"),
            ("running", None),
        ):
            place.check(head_sha, name, conclusion)
        for context, state in (("ci", "pending"), ("ci", "success"), ("old", "error"), ("waits", "pending")):
            place.status(head_sha, context, state)
        place.check(other, "unit", "failure")

        assert place.github.commit_checks(place.repository, head_sha) == {
            "unit": "passed",
            "lint": "passed",
            "docs": "passed",
            "e2e": "failed",
            "slow": "failed",
            "ended": "failed",
            "running": "pending",
            "ci": "passed",
            "old": "failed",
            "waits": "pending",
        }
