"""Every payload that GitHub sends, and spoiled ones: through the webhook's door and the parsers behind the bus."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from dagbranch.domain.commands import command_in
from dagbranch.domain.reports import MergeGroup
from dagbranch.domain.requests import CommentEvent, DeploymentEvent, PullRequestEvent, PushEvent, ReportRequest
from dagbranch.errors import InvalidEventError
from dagbranch.events import comment_event, fetch_work, pull_request_event, release_work, report_work, webhook_request
from dagbranch.use_cases.receive_webhook import receive_webhook
from tests.fakes.bus_messages import on_the_bus
from tests.fakes.event_bus import InMemoryEventBus
from tests.integration.webhook_payloads import USED, damaged, examples, spoiled, used_examples

SECRET = "It's a Secret to Everybody"
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
PARSERS: dict[str, Callable[[str], object]] = {
    "pull_request": pull_request_event,
    "issue_comment": comment_event,
    "merge_group": lambda body: report_work(body, "preview"),
    "push": fetch_work,
    "deployment": lambda body: release_work(body, "stage"),
    "deployment_status": lambda body: release_work(body, "stage"),
}
# Payloads are large and the machine has others to serve.
patient = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def receive(event: str, body: bytes) -> list[tuple[str, str, str]]:
    """What is on the bus after a function URL's request with this body; raises as the use case does.

    Lambda hands on what is no UTF-8 in base64.
    """
    headers = {
        "x-github-event": event,
        "x-github-delivery": DELIVERY,
        "x-hub-signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    try:
        sent = {"body": body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        sent = {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    bus = InMemoryEventBus()
    request = webhook_request({"version": "2.0", "headers": headers, **sent})
    receive_webhook(request, secrets=[SECRET], forward=bus.forward)
    return bus.forwarded


def message(event: str, text: str) -> str:
    """The bus's message with this text as its detail, whatever it is."""
    return on_the_bus("detail", **{"detail-type": event}).replace('"detail": "detail"', f'"detail": {text}')


def check(parsed: object) -> None:
    """What the rest of dagbranch counts on."""
    match parsed:
        case PullRequestEvent(pull_number=number, head_sha=sha) | MergeGroup(pull_number=number, head_sha=sha):
            assert number > 0
            assert re.fullmatch(r"[0-9a-f]{40}", sha)
        case CommentEvent(pull_number=number, text=text):
            assert number > 0
            command_in(text)
        case PushEvent(repository_id=repository_id, branch=branch):
            assert 0 < repository_id < 2**63
            assert len(branch) <= 1024
        case DeploymentEvent(deployment_id=deployment_id, environment=environment):
            assert 0 < deployment_id < 2**63
            assert environment in {"stage", "prod"}
        case ReportRequest() | None:
            pass
        case _:
            pytest.fail(f"{parsed!r} is none of what the functions take")


def outcome(event: str, text: str) -> str:
    """``read``, or why the message was refused; anything but InvalidEventError would be a crash."""
    try:
        check(PARSERS[event](text))
    except InvalidEventError as error:
        return str(error)
    return "read"


def test_every_payload_that_github_published_is_taken_and_the_used_ones_go_on_as_they_came() -> None:
    forwarded = Counter[str]()
    for example in examples():
        for event, payload, _ in receive(example.event, example.body):
            assert json.loads(payload) == example.payload
            forwarded[event] += 1

    actions = [one.payload["action"] for one in examples() if one.event == "merge_group"]
    assert len(examples()) == 329
    assert forwarded == {"pull_request": 29, "merge_group": actions.count("checks_requested"), "push": 2}


def test_every_used_payload_that_github_published_is_read() -> None:
    kinds = Counter[str]()
    for example in used_examples():
        parsed = PARSERS[example.event](on_the_bus(example.payload, **{"detail-type": example.event}))
        check(parsed)
        kinds[type(parsed).__name__] += 1

    assert kinds["PullRequestEvent"] == 29
    assert kinds["CommentEvent"] > 0
    assert kinds["MergeGroup"] > 0
    assert (kinds["PushEvent"], kinds["DeploymentEvent"]) == (2, 8)


def test_no_payload_of_another_event_breaks_a_parser() -> None:
    for example in examples():
        for event in USED - {example.event}:
            assert len(outcome(event, on_the_bus(example.payload, **{"detail-type": event}))) < 1000


@patient
@given(spoiled())
def test_a_spoiled_payload_is_forwarded_as_it_is_or_refused(given_event: tuple[str, str]) -> None:
    event, text = given_event

    try:
        forwarded = receive(event, text.encode())
    except InvalidEventError:
        return

    assert forwarded in ([], [(event, text, DELIVERY)])


@patient
@given(spoiled())
def test_a_spoiled_payload_behind_the_bus_is_read_or_refused_and_told_shortly(given_event: tuple[str, str]) -> None:
    event, text = given_event

    assert len(outcome(event, message(event, text))) < 1000


@patient
@given(damaged())
def test_a_damaged_body_is_refused_or_still_one(given_event: tuple[str, bytes]) -> None:
    event, body = given_event

    try:
        forwarded = receive(event, body)
    except InvalidEventError:
        forwarded = []

    assert all(len(outcome(event, message(event, payload))) < 1000 for _, payload, _ in forwarded)
