"""What is let through the webhook's door, and what is not."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.requests import WebhookRequest
from dagbranch.errors import ConfigurationError, InvalidEventError, InvalidSignatureError
from dagbranch.use_cases.receive_webhook import check_signature, receive_webhook, signing_secrets
from tests.fakes.event_bus import InMemoryEventBus

SECRET = "It's a Secret to Everybody"


def signed(body: bytes, *, event_name: str = "pull_request", delivery: str = "d-1") -> WebhookRequest:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return WebhookRequest(body, signature, delivery, event_name)


def receive(request: WebhookRequest) -> tuple[str, list[tuple[str, str, str]]]:
    bus = InMemoryEventBus()
    answer = receive_webhook(request, secrets=[SECRET], forward=bus.forward)
    return answer, bus.forwarded


def test_the_signature_that_github_documents_is_right() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    check_signature(WebhookRequest(b"Hello, World!", signature, "", ""), [SECRET])


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e18",
        "sha256=ÄÖÜ",
        "sha256=\ud800",
    ],
)
def test_any_other_signature_is_refused_and_nothing_happens(signature: str) -> None:
    with pytest.raises(InvalidSignatureError):
        receive(WebhookRequest(b"Hello, World!", signature, "d-1", "pull_request"))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_holds_for_its_own_body_alone(body: bytes, other: bytes) -> None:
    request = signed(body)
    check_signature(request, [SECRET])

    if other != body:
        with pytest.raises(InvalidSignatureError):
            check_signature(WebhookRequest(other, request.signature, "", ""), [SECRET])


def test_while_the_secret_is_changed_both_are_right_and_no_third() -> None:
    request = signed(b"{}")

    check_signature(request, ["new", SECRET])
    check_signature(request, [SECRET, "old"])
    with pytest.raises(InvalidSignatureError):
        check_signature(request, ["new", "old"])


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        (SECRET, (SECRET,)),
        ("12345", ("12345",)),
        ('"quoted"', ('"quoted"',)),
        ("{no JSON", ("{no JSON",)),
        ('{"secrets": ["new", "old"]}', ("new", "old")),
        ('{"secrets": ["only"]}', ("only",)),
    ],
)
def test_the_secret_is_one_text_or_a_pair_as_json(text: str, secrets: tuple[str, ...]) -> None:
    assert signing_secrets(text) == secrets


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{}",
        '{"secret": "hidden"}',
        '{"secrets": "hidden"}',
        '{"secrets": []}',
        '{"secrets": ["hidden", ""]}',
        '{"secrets": ["hidden", 1]}',
        '{"secrets": ["hidden", "hidden2", "hidden3"]}',
    ],
)
def test_what_is_no_secret_is_told_without_repeating_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected plain text") as told:
        signing_secrets(text)

    assert "hidden" not in str(told.value)


def test_a_pull_request_event_goes_on_the_bus_as_it_came() -> None:
    body = json.dumps({"action": "opened", "title": "Ünïcode"}, ensure_ascii=False).encode()

    answer, forwarded = receive(signed(body))

    assert answer == "on the bus"
    assert forwarded == [("pull_request", body.decode(), "d-1")]


@pytest.mark.parametrize("event_name", ["ping", "issues", "", "check_run", "release"])
def test_an_event_of_another_kind_is_taken_and_not_used(event_name: str) -> None:
    answer, forwarded = receive(signed(b"{}", event_name=event_name))

    assert answer.endswith("is not used")
    assert forwarded == []


PUSH: dict[str, Any] = {"ref": "refs/heads/release/main", "repository": {"default_branch": "release/main"}}
COMMENT: dict[str, Any] = {
    "action": "created",
    "issue": {"number": 1, "pull_request": {"url": "https://example.org"}},
    "comment": {"body": "/dagbranch status"},
}


@pytest.mark.parametrize(
    ("event_name", "payload"),
    [
        ("issue_comment", COMMENT),
        ("issue_comment", COMMENT | {"comment": {"body": "/dagbranch what is this"}}),
        ("merge_group", {"action": "checks_requested"}),
        ("pull_request", {"action": "labeled"}),
        ("push", PUSH),
        ("deployment", {"action": "created", "deployment": {"environment": "stage"}}),
        ("deployment_status", {"action": "created", "deployment": {"environment": "prod"}}),
    ],
)
def test_what_a_function_may_have_to_answer_goes_on_the_bus(event_name: str, payload: dict[str, Any]) -> None:
    body = json.dumps(payload).encode()

    answer, forwarded = receive(signed(body, event_name=event_name))

    assert (answer, forwarded) == ("on the bus", [(event_name, body.decode(), "d-1")])


@pytest.mark.parametrize(
    ("event_name", "payload"),
    [
        ("issue_comment", COMMENT | {"action": "edited"}),
        ("issue_comment", COMMENT | {"comment": {"body": "I would say /dagbranch status"}}),
        ("issue_comment", COMMENT | {"comment": {"body": "<!-- dagbranch -->\n/dagbranch status"}}),
        ("issue_comment", COMMENT | {"comment": {"body": None}}),
        ("issue_comment", COMMENT | {"comment": ["/dagbranch status"]}),
        ("issue_comment", COMMENT | {"issue": {"number": 1}}),
        ("issue_comment", COMMENT | {"issue": None}),
        ("issue_comment", {}),
        ("merge_group", {"action": "destroyed"}),
        ("merge_group", {}),
        ("push", PUSH | {"ref": "refs/heads/main"}),
        ("push", PUSH | {"ref": "refs/tags/release/main"}),
        ("push", PUSH | {"ref": "release/main"}),
        ("push", PUSH | {"deleted": True}),
        ("push", PUSH | {"repository": {}}),
        ("push", PUSH | {"repository": None}),
        ("push", {}),
        ("deployment", {"action": "created", "deployment": {"environment": "dagbranch/preview"}}),
        ("deployment", {"action": "created", "deployment": {"environment": "production"}}),
        ("deployment", {"action": "created", "deployment": {"environment": ["prod"]}}),
        ("deployment_status", {"action": "created", "deployment": None}),
        ("deployment_status", {}),
    ],
)
def test_talk_and_answered_questions_stay_off_the_bus(event_name: str, payload: dict[str, Any]) -> None:
    answer, forwarded = receive(signed(json.dumps(payload).encode(), event_name=event_name))

    assert (answer, forwarded) == (f"this {event_name} is not used", [])


def test_the_longest_comment_is_looked_at_in_no_time() -> None:
    body = "/dagbranch x" + " " * 65_000 + "y\r" + " " * 500
    request = signed(json.dumps(COMMENT | {"comment": {"body": body}}).encode(), event_name="issue_comment")

    started = time.monotonic()
    receive(request)

    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": %s}' % (b"9" * 5000),
        b"[]",
        b"1",
        b"payload=%7B%7D",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_json_object_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidEventError):
        receive(signed(body))


@pytest.mark.parametrize("delivery", ["", "d 1", "d#1", "\ud800", "d" * 65])
def test_a_request_without_a_delivery_id_is_invalid(delivery: str) -> None:
    with pytest.raises(InvalidEventError, match="X-GitHub-Delivery"):
        receive(signed(b"{}", delivery=delivery))
