"""Webhooks: valid by GitHub's schemas, signed, sent once, lost and sent again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from github import (
    Github,
)
from githubkit.webhooks import verify
from githubkit_schemas.latest import models
from pydantic import BaseModel

from local.github import LocalGitHub, Pull, Repository, signature
from tests.integration.local_github.receiver import Receiver
from tests.integration.local_github.world import SECRET


@dataclass(frozen=True)
class Step:
    action: str
    schema: type[BaseModel]
    act: Callable[[Pull], object]


@pytest.mark.parametrize(
    "step",
    [
        Step("opened", models.WebhookPullRequestOpened, lambda pull: pull.number),
        Step("synchronize", models.WebhookPullRequestSynchronize, lambda pull: pull.push({"a": b""}, "More")),
        Step("closed", models.WebhookPullRequestClosed, lambda pull: pull.close()),
        Step("closed", models.WebhookPullRequestClosed, lambda pull: pull.close(merged=True)),
        Step("reopened", models.WebhookPullRequestReopened, lambda pull: (pull.close(), pull.reopen())),
        Step("converted_to_draft", models.WebhookPullRequestConvertedToDraft, lambda pull: pull.convert_to_draft()),
        Step("ready_for_review", models.WebhookPullRequestReadyForReview, lambda pull: pull.ready_for_review()),
        Step("labeled", models.WebhookPullRequestLabeled, lambda pull: pull.label("preview")),
        Step("unlabeled", models.WebhookPullRequestUnlabeled, lambda pull: (pull.label("x"), pull.unlabel("x"))),
        Step("edited", models.WebhookPullRequestEdited, lambda pull: pull.rename("Else")),
        Step("edited", models.WebhookPullRequestEdited, lambda pull: pull.retarget("release")),
    ],
    ids=lambda step: step.action,
)
def test_every_pull_request_event_is_valid_by_githubs_schema(
    receiver: Receiver, repository: Repository, pull: Pull, step: Step
) -> None:
    repository.commit("release", {"release.txt": b"1"}, "Release")

    step.act(pull)

    sent = receiver.of("pull_request")[-1]
    step.schema.model_validate_json(sent.body)


def test_a_retargeted_pull_request_tells_from_which_base(
    double: LocalGitHub, repository: Repository, pull: Pull
) -> None:
    sha = repository.commit("release", {"release.txt": b"1"}, "Release")

    pull.retarget("release")

    payload = double.deliveries[-1].payload
    assert payload["changes"]["base"]["ref"]["from"] == "main"
    assert (payload["pull_request"]["base"]["ref"], payload["pull_request"]["base"]["sha"]) == ("release", sha)


def test_the_webhook_of_an_app_names_its_installation(double: LocalGitHub, repository: Repository, pull: Pull) -> None:
    number = double.create_app("acme").install("acme", repository)

    pull.label("preview")
    told = double.deliveries[-1].payload["installation"]["id"]
    other = double.create_repository("acme/other", {"a": b""})
    other.commit("feature1", {"b": b""}, "More")
    other.open_pull("feature1", "More")

    assert told == number
    assert "installation" not in double.deliveries[-1].payload


def test_an_app_that_may_not_read_issues_hears_of_no_comment(
    double: LocalGitHub, receiver: Receiver, repository: Repository, pull: Pull
) -> None:
    double.create_app("acme").install("acme", repository, permissions={"pull_requests": "write"})

    comment = pull.comment("reader", "/dagbranch status")
    labelled = pull.label("preview")

    assert comment.delivery.sent_at is None
    assert labelled.status == 202
    assert len(receiver.of("pull_request")) == 2
    assert receiver.of("issue_comment") == []


def test_a_ping_is_valid_by_githubs_schema(double: LocalGitHub, receiver: Receiver, repository: Repository) -> None:
    double.ping(repository)

    ping = models.WebhookPing.model_validate_json(receiver.received[-1].body)
    assert ping.hook_id == int(receiver.received[-1].headers["x-github-hook-id"])


def test_deliveries_are_signed_and_named_as_githubs(double: LocalGitHub, receiver: Receiver, pull: Pull) -> None:
    sent, delivery = receiver.received[-1], double.deliveries[-1]

    assert verify(SECRET, sent.body, sent.headers["x-hub-signature-256"])
    assert sent.headers["x-github-delivery"] == delivery.id
    assert sent.headers["user-agent"].startswith("GitHub-Hookshot/")
    assert (delivery.event, delivery.action, delivery.status, delivery.response) == (
        "pull_request",
        "opened",
        202,
        "taken",
    )


def test_the_signature_is_that_of_the_example_in_githubs_documentation() -> None:
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert signature("It's a Secret to Everybody", b"Hello, World!") == expected


def test_a_withheld_webhook_leaves_the_truth_changed_and_can_come_late(
    double: LocalGitHub, receiver: Receiver, client: Github, pull: Pull
) -> None:
    arrived = len(receiver.received)

    lost = pull.close(deliver=False)
    state = client.get_repo("acme/pipelines").get_pull(pull.number).state
    arrived_meanwhile = len(receiver.received)
    late = double.redeliver(lost.id)

    assert (state, arrived_meanwhile) == ("closed", arrived)
    assert (lost.sent_at, lost.status) == (None, None)
    assert late.status == 202
    assert receiver.received[-1].headers["x-github-delivery"] == lost.id


def test_a_redelivery_is_the_same_bytes_under_the_same_id(double: LocalGitHub, receiver: Receiver, pull: Pull) -> None:
    receiver.status = 500
    failed = pull.label("preview")
    receiver.status = 202

    again = double.redeliver(failed.id)

    first, second = receiver.received[-2:]
    assert (failed.status, again.status, again.redelivery) == (500, 202, True)
    assert first.body == second.body
    assert first.headers["x-github-delivery"] == second.headers["x-github-delivery"]


def test_a_slow_answer_is_a_failed_delivery_that_is_not_repeated(
    double: LocalGitHub, receiver: Receiver, pull: Pull
) -> None:
    arrived = len(receiver.received)
    receiver.may_answer.clear()
    double.webhook.timeout_seconds = 0.05

    delivery = pull.label("preview")

    assert (delivery.status, delivery.error) == (None, "timed out")
    assert len(receiver.received) == arrived + 1


def test_nobody_at_the_address_is_a_failed_delivery(double: LocalGitHub, pull: Pull, receiver: Receiver) -> None:
    receiver.shutdown()
    receiver.server_close()

    delivery = pull.label("preview")

    assert delivery.status is None
    assert delivery.error is not None
    assert delivery.error.startswith("failed to connect to host")


def test_headers_of_the_addressee_travel_along(double: LocalGitHub, receiver: Receiver, pull: Pull) -> None:
    double.deliver_headers = {"Host": "abc.lambda-url.local"}

    pull.label("preview")

    assert receiver.received[-1].headers["host"] == "abc.lambda-url.local"
