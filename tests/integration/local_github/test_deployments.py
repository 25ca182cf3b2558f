"""Deployments and their statuses, through the unmodified PyGithub."""

from __future__ import annotations

from typing import Any

import pytest
from github import (
    Github,
    GithubException,
)

from local.github import LocalGitHub, Pull, Repository
from local.github.published_schemas import faults_sent
from tests.integration.local_github.world import ask

ENVIRONMENT = "dagbranch/preview"
PLAIN: dict[str, Any] = {"auto_merge": False, "required_contexts": [], "environment": ENVIRONMENT}


@pytest.fixture
def found(app_client: Github) -> Any:
    return app_client.get_repo("acme/pipelines")


def test_a_deployment_is_what_its_newest_status_says(found: Any, pull: Pull) -> None:
    made = found.create_deployment(pull.head_sha, **PLAIN, transient_environment=True)
    made.create_status("in_progress")

    made.create_status("success", environment_url="https://airflow.example.org/dags", description="Ready")

    (shown,) = pull.deployments
    assert (shown.sha, shown.environment, shown.state) == (pull.head_sha, ENVIRONMENT, "success")
    assert (shown.description, shown.url) == ("Ready", "https://airflow.example.org/dags")
    assert [one.state for one in made.get_statuses()] == ["success", "in_progress"]
    assert shown.record.transient_environment


def test_deployments_are_listed_by_commit_and_environment_newest_first(
    found: Any, repository: Repository, pull: Pull
) -> None:
    first = found.create_deployment(pull.head_sha, **PLAIN)
    sha = pull.push({"more.txt": b""}, "More")
    second = found.create_deployment(sha, **PLAIN)
    found.create_deployment(sha, **PLAIN | {"environment": "elsewhere"})

    assert [one.id for one in found.get_deployments(environment=ENVIRONMENT)] == [second.id, first.id]
    assert [one.id for one in found.get_deployments(sha=sha, environment=ENVIRONMENT)] == [second.id]
    assert [one.sha for one in pull.deployments] == [first.sha, sha, sha]
    assert len(repository.deployments) == 3


@pytest.mark.parametrize(("is_transient", "left"), [(True, "success"), (False, "inactive")])
def test_github_ends_earlier_deployments_by_itself_unless_they_are_transient(
    found: Any, pull: Pull, *, is_transient: bool, left: str
) -> None:
    for _ in range(2):
        found.create_deployment(pull.head_sha, **PLAIN, transient_environment=is_transient).create_status("success")

    assert [one.state for one in pull.deployments] == [left, "success"]


def test_a_commit_whose_checks_failed_is_not_deployed_unless_they_are_waived(found: Any, pull: Pull) -> None:
    found.create_check_run("tests", pull.head_sha, conclusion="failure")

    with pytest.raises(GithubException) as refused:
        found.create_deployment(pull.head_sha, auto_merge=False)
    found.create_deployment(pull.head_sha, **PLAIN)

    assert refused.value.status == 409
    assert "Commit status checks failed" in str(refused.value.data)
    assert len(pull.deployments) == 1


def test_a_branch_behind_the_default_branch_is_merged_with_it_unless_that_is_waived(
    double: LocalGitHub, repository: Repository, pull: Pull
) -> None:
    repository.commit("main", {"later.txt": b""}, "Later")
    before = pull.head_sha

    answer = ask(double, "POST", "/repos/acme/pipelines/deployments", json={"ref": "feature1"})

    assert (answer.status_code, answer.json()["message"]) == (202, "Auto-merged main into feature1 on deployment.")
    assert repository.branch_sha("feature1") != before
    assert repository.deployments == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "ready"}, "is not a member of"),
        ({"description": "x" * 141}, "description is too long (maximum is 140 characters)"),
        ({"environment_url": "example.org"}, "environment_url must use http(s) scheme"),
    ],
)
def test_what_is_no_status_is_refused_in_githubs_words(
    double: LocalGitHub, pull: Pull, change: dict[str, Any], words: str
) -> None:
    made = ask(double, "POST", "/repos/acme/pipelines/deployments", json={"ref": pull.head_sha, **PLAIN}).json()

    answer = ask(
        double, "POST", f"/repos/acme/pipelines/deployments/{made['id']}/statuses", json={"state": "success"} | change
    )

    assert answer.status_code == 422
    assert words in answer.text
    assert [one.state for one in pull.deployments] == ["pending"]


def test_what_is_not_there_is_not_deployed(double: LocalGitHub, pull: Pull) -> None:
    unknown = ask(double, "POST", "/repos/acme/pipelines/deployments", json={"ref": "gone"})
    gone = ask(double, "POST", "/repos/acme/pipelines/deployments/9/statuses", json={"state": "success"})

    assert (unknown.status_code, gone.status_code) == (422, 404)


def test_a_person_who_may_not_push_may_not_deploy(double: LocalGitHub, pull: Pull) -> None:
    double.site.token_owner = "stranger"

    answer = ask(double, "POST", "/repos/acme/pipelines/deployments", json={"ref": pull.head_sha, **PLAIN})

    assert answer.status_code == 404
    assert pull.deployments == []


def test_what_pygithub_sends_is_valid_by_githubs_schemas(double: LocalGitHub, found: Any, pull: Pull) -> None:
    made = found.create_deployment(pull.head_sha, **PLAIN, transient_environment=True, payload={"a": 1})
    made.create_status("success", auto_inactive=False, environment_url="https://example.org")

    assert double.site.exchanges is not None
    assert faults_sent(double.site.exchanges) == []
    assert found.get_deployment(made.id).payload == {"a": 1}
