"""What leads to releases: pushes, and deployments by people, workflows and Apps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from github import (
    Github,
)

from dagbranch.domain.requests import DeploymentEvent, PushEvent, WebhookRequest
from dagbranch.events import fetch_work, release_work
from dagbranch.use_cases.receive_webhook import receive_webhook
from local.github import GitHubApp, LocalGitHub, Pull, Repository, signature
from local.processes import wait_until
from tests.fakes.bus_messages import on_the_bus
from tests.fakes.event_bus import InMemoryEventBus
from tests.integration.local_github.receiver import Receiver
from tests.integration.local_github.world import SECRET, ask

NO_COMMIT = "0" * 40


def last_push(double: LocalGitHub) -> dict[str, Any]:
    return [one.payload for one in double.deliveries if one.event == "push"][-1]


def told_states(double: LocalGitHub) -> list[str]:
    told = [one.payload for one in double.deliveries if one.event == "deployment_status"]
    return [one["deployment_status"]["state"] for one in told]


def test_a_push_tells_what_is_new_on_the_branch(double: LocalGitHub, repository: Repository) -> None:
    before = repository.branch_sha("main")

    after = repository.commit("main", {"dags/new.py": b"1", "bin/run": None, "version.txt": b"2"}, "More")

    told = last_push(double)
    assert (told["ref"], told["before"], told["after"]) == ("refs/heads/main", before, after)
    assert (told["created"], told["deleted"], told["forced"]) == (False, False, False)
    assert [one["id"] for one in told["commits"]] == [after] == [told["head_commit"]["id"]]
    (commit,) = told["commits"]
    assert (commit["added"], commit["removed"], commit["modified"]) == (["dags/new.py"], ["bin/run"], ["version.txt"])
    assert told["repository"]["default_branch"] == "main"


def test_a_merge_is_a_push_to_the_base_branch(double: LocalGitHub, repository: Repository, pull: Pull) -> None:
    pull.close(merged=True)

    told = last_push(double)
    assert (told["ref"], told["after"]) == ("refs/heads/main", repository.branch_sha("main"))
    assert [one["id"] for one in told["commits"]] == [pull.head_sha, told["after"]]
    assert double.deliveries[-1].action == "closed"


def test_a_merged_group_is_a_push_to_the_base_branch(double: LocalGitHub, pull: Pull) -> None:
    group = pull.enqueue()

    group.merge()

    assert (last_push(double)["ref"], last_push(double)["after"]) == ("refs/heads/main", group.head_sha)


def test_a_branch_that_is_new_forced_or_gone_says_so(double: LocalGitHub, repository: Repository) -> None:
    first = repository.commit("feature2", {"a": b"1"}, "One")
    made = last_push(double)
    second = repository.commit("feature2", {"a": b"2"}, "Another", start_from="main")
    forced = last_push(double)
    repository.delete_branch("feature2")
    gone = last_push(double)

    assert (made["created"], made["before"], made["after"]) == (True, NO_COMMIT, first)
    assert (forced["forced"], forced["before"], forced["after"]) == (True, first, second)
    assert (gone["deleted"], gone["before"], gone["after"], gone["head_commit"]) == (True, second, NO_COMMIT, None)


def test_a_push_can_be_lost_and_a_forks_is_none_of_ours(
    double: LocalGitHub, receiver: Receiver, repository: Repository
) -> None:
    repository.commit("main", {"a": b"1"}, "Lost", deliver=False)
    told = len([one for one in double.deliveries if one.event == "push"])

    repository.fork("dana").commit("main", {"a": b"2"}, "Theirs")

    assert told == len([one for one in double.deliveries if one.event == "push"]) == 1
    assert receiver.of("push") == []


def test_a_person_deploys_as_by_the_api(double: LocalGitHub, repository: Repository, client: Github) -> None:
    repository.give("rita", "write")

    made = repository.deploy("main", "prod", by="rita", payload={"dagbranch": {"hold": True}}, description="Go")

    (delivery,) = made.deliveries
    told = delivery.payload["deployment"]
    shown = client.get_repo("acme/pipelines").get_deployment(made.id)
    assert (delivery.event, delivery.status) == ("deployment", 202)
    assert (told["id"], told["environment"], told["creator"]["login"]) == (made.id, "prod", "rita")
    assert told["payload"] == shown.payload == {"dagbranch": {"hold": True}}
    assert (shown.sha, shown.ref, told["performed_via_github_app"]) == (repository.branch_sha("main"), "main", None)
    assert made.state == "pending"


def test_only_those_who_may_push_deploy_what_is_there(repository: Repository) -> None:
    repository.give("reader", "read")

    with pytest.raises(ValueError, match="reader may not deploy"):
        repository.deploy("main", "prod", by="reader")
    with pytest.raises(ValueError, match="No ref found for: gone"):
        repository.deploy("gone", "prod")


def test_a_job_in_a_protected_environment_waits_for_its_reviewer(
    double: LocalGitHub, repository: Repository, client: Github
) -> None:
    made = repository.workflow_deployment("main", "prod", by="dana-developer")
    waiting = made.state

    made.approve()

    shown = client.get_repo("acme/pipelines").get_deployment(made.id)
    assert waiting == "waiting"
    assert told_states(double) == ["waiting", "queued", "in_progress"]
    assert [one.state for one in shown.get_statuses()] == ["in_progress", "queued", "waiting"]
    assert shown.creator.login == "dana-developer"
    assert shown.raw_data["performed_via_github_app"]["slug"] == "github-actions"


def test_a_job_that_nobody_lets_run_fails_and_one_in_an_open_environment_runs_at_once(
    double: LocalGitHub, repository: Repository
) -> None:
    repository.workflow_deployment("main", "prod").reject()
    unprotected = repository.workflow_deployment("main", "stage", is_protected=False)
    unprotected.finish()

    assert told_states(double) == ["waiting", "failure", "queued", "in_progress", "success"]
    assert [one.state for one in unprotected.history] == ["queued", "in_progress", "success"]


def test_what_a_workflow_does_with_its_token_is_its_bots(repository: Repository, client: Github) -> None:
    made = repository.deploy("main", "prod", by="github-actions[bot]")

    shown = client.get_repo("acme/pipelines").get_deployment(made.id)
    assert (shown.creator.login, shown.creator.type) == ("github-actions[bot]", "Bot")


def test_what_an_app_says_of_a_deployment_is_delivered_after_the_answer(
    double: LocalGitHub, receiver: Receiver, app: GitHubApp, app_client: Github, repository: Repository
) -> None:
    made = app_client.get_repo("acme/pipelines").create_deployment(
        repository.branch_sha("main"), environment="stage", auto_merge=False, required_contexts=[]
    )
    made.create_status("in_progress")
    made.create_status("inactive")
    made.create_status("success")

    wait_until(lambda: len(receiver.of("deployment_status")) == 2, what="the statuses", deadline_seconds=10)
    (deployment,) = [one.payload for one in double.deliveries if one.event == "deployment"]
    assert deployment["sender"]["login"] == deployment["deployment"]["creator"]["login"] == app.login
    assert told_states(double) == ["in_progress", "success"]


def test_a_later_success_ends_what_was_deployed_before(double: LocalGitHub, repository: Repository) -> None:
    first, second = repository.deploy("main", "prod"), repository.deploy("main", "prod")
    first.say("success")

    second.say("success", "Stands")

    assert [(one.state, one.description) for one in (first, second)] == [("inactive", ""), ("success", "Stands")]
    assert told_states(double) == ["success", "success"]


def test_checks_and_statuses_are_what_tests_make_of_them(
    double: LocalGitHub, repository: Repository, client: Github
) -> None:
    sha = repository.branch_sha("main")
    repository.set_check(sha, "tests", "failure")
    repository.set_check(sha, "tests", "success")
    repository.set_check(sha, "lint", None)
    repository.set_status(sha, "ci/legacy", "pending")

    commit = client.get_repo("acme/pipelines").get_commit(sha)
    assert {one.name: one.conclusion or one.status for one in commit.get_check_runs()} == {
        "tests": "success",
        "lint": "in_progress",
    }
    assert [(one.context, one.state) for one in commit.get_statuses()] == [("ci/legacy", "pending")]
    assert repository.checks(sha)["tests"].outcome == "success"
    assert ask(double, "GET", f"/repos/acme/pipelines/commits/{sha}/status").json()["state"] == "pending"


def test_what_is_delivered_comes_through_the_webhooks_door_and_is_read_behind_the_bus(
    double: LocalGitHub, repository: Repository, pull: Pull
) -> None:
    installation = double.create_app("acme").install("acme", repository)
    pull.close(merged=True)
    asked = repository.workflow_deployment("main", "prod")
    repository.deploy("main", "dagbranch/preview")
    bus = InMemoryEventBus()

    for one in double.deliveries:
        request = WebhookRequest(one.body, signature(SECRET, one.body), one.id, one.event)
        receive_webhook(request, secrets=[SECRET], forward=bus.forward)

    pushed = [fetch_work(message(*one)) for one in bus.forwarded if one[0] == "push"]
    deployed = [release_work(message(*one), "stage") for one in bus.forwarded if one[0].startswith("deployment")]
    of: dict[str, Any] = {
        "repository_id": repository.id,
        "repository": "acme/pipelines",
        "installation_id": installation,
    }
    assert [replace(one, delivery="") for one in pushed if one] == [PushEvent(branch="main", delivery="", **of)]
    told = DeploymentEvent(deployment_id=asked.id, environment="prod", delivery="", **of)
    assert [replace(one, delivery="") for one in deployed if isinstance(one, DeploymentEvent)] == [told, told]


def message(event: str, payload: str, delivery: str) -> str:
    return on_the_bus(json.loads(payload), **{"detail-type": event, "resources": [delivery]})
