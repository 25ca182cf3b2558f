"""Check runs and commit statuses, through the unmodified PyGithub."""

from __future__ import annotations

from typing import Any

import pytest
from github import (
    Github,
    GithubException,
)

from local.github import LocalGitHub, Pull, Repository
from local.github.published_schemas import faults_sent
from tests.integration.local_github.world import TOKEN, ask, client_of

NAME = "dagbranch/preview"
LINE = {"path": "dags/qu/main.py", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "No"}


@pytest.fixture
def found(app_client: Github) -> Any:
    return app_client.get_repo("acme/pipelines")


def test_a_check_goes_from_queued_to_its_conclusion(found: Any, pull: Pull) -> None:
    run = found.create_check_run(NAME, pull.head_sha, status="queued", output={"title": "Waits", "summary": "Third"})
    waiting = pull.checks()[NAME]

    run.edit(conclusion="success", output={"title": "Ready", "summary": "All there"}, details_url="https://example.org")

    done = pull.checks()[NAME]
    assert (waiting.outcome, waiting.title, waiting.completed_at) == ("queued", "Waits", None)
    assert (done.status, done.outcome, done.title, done.summary) == ("completed", "success", "Ready", "All there")
    assert done.completed_at is not None


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_check_that_has_ended_does_not_begin_anew(found: Any, pull: Pull, status: str) -> None:
    run = found.create_check_run(NAME, pull.head_sha, conclusion="failure")
    ended_at = pull.checks()[NAME].completed_at

    run.edit(status=status, output={"title": "Again", "summary": "Is it?"})

    shown = pull.checks()[NAME]
    assert (shown.status, shown.outcome, shown.completed_at) == ("completed", "failure", ended_at)
    assert shown.title == "Again"


def test_a_check_that_has_ended_can_end_otherwise(found: Any, pull: Pull) -> None:
    run = found.create_check_run(NAME, pull.head_sha, conclusion="failure")

    run.edit(conclusion="success")

    assert (pull.checks()[NAME].status, pull.checks()[NAME].outcome) == ("completed", "success")


def test_annotations_of_several_requests_add_up(found: Any, pull: Pull) -> None:
    output = {"title": "Two", "summary": "s", "annotations": [LINE]}

    run = found.create_check_run(NAME, pull.head_sha, conclusion="failure", output=output)
    run.edit(output=output)

    assert found.get_check_run(run.id).output.annotations_count == 2
    assert [one.message for one in run.get_annotations()] == ["No", "No"]


def test_the_latest_check_of_each_name_is_listed(found: Any, pull: Pull) -> None:
    for conclusion in ("failure", "success"):
        found.create_check_run(NAME, pull.head_sha, conclusion=conclusion)
    found.create_check_run("another", pull.head_sha, status="in_progress")
    commit = found.get_commit(pull.head_sha)

    assert {(one.name, one.conclusion) for one in commit.get_check_runs()} == {(NAME, "success"), ("another", None)}
    assert [one.conclusion for one in commit.get_check_runs(check_name=NAME)] == ["success"]
    assert [one.conclusion for one in commit.get_check_runs(check_name=NAME, filter="all")] == ["success", "failure"]
    assert [one.name for one in commit.get_check_runs(status="in_progress")] == ["another"]


def test_a_check_stands_on_its_commit_alone_also_on_a_forks(
    double: LocalGitHub, found: Any, repository: Repository
) -> None:
    fork = repository.fork("stranger")
    first = fork.commit("patch", {"a": b"1"}, "One")
    pull = repository.open_pull("patch", "Please", head_repository=fork)
    found.create_check_run(NAME, first, conclusion="neutral")

    second = fork.commit("patch", {"a": b"2"}, "Two")

    assert (pull.checks(first)[NAME].outcome, pull.checks(second)) == ("neutral", {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": None}, "is not a string"),
        ({"head_sha": "0" * 40}, "No commit found for SHA"),
        ({"head_sha": "main"}, "No commit found for SHA"),
        ({"status": "done"}, "is not a member of"),
        ({"status": "completed"}, "t supplied"),
        ({"conclusion": "stale"}, "stale"),
        ({"details_url": "example.org"}, "details_url"),
        ({"output": {"summary": "s"}}, "t supplied"),
        ({"output": {"title": "t", "summary": "s" * 65_536}}, "Only 65535 characters are allowed; 65536 were supplied"),
        (
            {"output": {"title": "t", "summary": "s", "annotations": [LINE] * 51}},
            "No more than 50 items are allowed; 51 were supplied",
        ),
        (
            {"output": {"title": "t", "summary": "s", "annotations": [{**LINE, "end_line": 2, "start_column": 1}]}},
            "must be omitted",
        ),
        ({"output": {"title": "t", "summary": "s", "annotations": [{"path": "x"}]}}, "t supplied"),
    ],
)
def test_what_is_no_check_is_refused_in_githubs_words(
    found: Any, pull: Pull, change: dict[str, Any], words: str
) -> None:
    body = {"name": NAME, "head_sha": pull.head_sha, **change}

    with pytest.raises(GithubException) as refused:
        found.requester.requestJsonAndCheck("POST", f"{found.url}/check-runs", input=body)

    assert refused.value.status == 422
    assert words in str(refused.value.data)
    assert pull.checks() == {}


def test_only_apps_write_checks_and_each_its_own(
    double: LocalGitHub, client: Github, found: Any, repository: Repository, pull: Pull
) -> None:
    run = found.create_check_run(NAME, pull.head_sha, status="queued")
    another = double.create_app("acme", slug="another")
    number = another.install("acme")
    theirs = double.site.state.apps.issue(
        double.site.state.apps.installations[number], {"checks": "write", "contents": "read"}, None
    )

    by_person = ask(double, "PATCH", f"/repos/acme/pipelines/check-runs/{run.id}", json={"conclusion": "success"})
    by_another = ask(
        double, "PATCH", f"/repos/acme/pipelines/check-runs/{run.id}", theirs.text, json={"conclusion": "success"}
    )

    assert (by_person.status_code, by_person.json()["message"]) == (403, "You must authenticate via a GitHub App.")
    assert (by_another.status_code, by_another.json()["message"].split(" -")[0]) == (
        403,
        f"Invalid app_id `{another.app_id}`",
    )
    assert pull.checks()[NAME].outcome == "queued"
    assert client.get_repo("acme/pipelines").get_check_run(run.id).status == "queued"


def test_the_newest_status_of_each_context_counts(client: Github, pull: Pull) -> None:
    commit = client.get_repo("acme/pipelines").get_commit(pull.head_sha)

    commit.create_status("pending", context=NAME, description="On its way")
    commit.create_status("success", context=NAME, target_url="https://example.org/dags")
    commit.create_status("success", context="other")

    assert {name: one.state for name, one in pull.statuses().items()} == {NAME: "success", "other": "success"}
    assert [one.state for one in commit.get_statuses()] == ["success", "success", "pending"]
    assert commit.get_combined_status().state == "success"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "neutral"}, "is not a member of"),
        ({"description": "x" * 141}, "description is too long (maximum is 140 characters)"),
        ({"target_url": "example.org"}, "must use http(s) scheme"),
    ],
)
def test_what_is_no_status_is_refused_in_githubs_words(
    double: LocalGitHub, pull: Pull, change: dict[str, Any], words: str
) -> None:
    answer = ask(double, "POST", f"/repos/acme/pipelines/statuses/{pull.head_sha}", json={"state": "success"} | change)

    assert answer.status_code == 422
    assert words in answer.text
    assert pull.statuses() == {}


def test_a_status_of_an_unknown_commit_is_refused(double: LocalGitHub, pull: Pull) -> None:
    answer = ask(double, "POST", f"/repos/acme/pipelines/statuses/{'0' * 40}", json={"state": "success"})

    assert answer.status_code == 422


def test_what_pygithub_sends_is_valid_by_githubs_schemas_and_a_wrong_key_would_be_seen(
    double: LocalGitHub, found: Any, pull: Pull
) -> None:
    output = {"title": "One", "summary": "s", "annotations": [LINE]}
    found.create_check_run(NAME, pull.head_sha, status="in_progress").edit(conclusion="failure", output=output)
    with client_of(double, TOKEN) as person:
        person.get_repo("acme/pipelines").get_commit(pull.head_sha).create_status("success")
    assert double.site.exchanges is not None
    valid = faults_sent(double.site.exchanges)

    ask(double, "POST", "/repos/acme/pipelines/check-runs", json={"name": NAME, "head_sha": "1", "state": "queued"})

    assert valid == []
    assert len(faults_sent(double.site.exchanges)) == 1
