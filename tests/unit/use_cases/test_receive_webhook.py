from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.requests import WebhookRequest
from dagbranch.errors import InvalidEventError, InvalidSignatureError
from dagbranch.use_cases.receive_webhook import check_signature, receive_webhook
from tests.fakes.event_bus import InMemoryEventBus

SECRET = "It's a Secret to Everybody"


def signed(body: bytes, *, event_name: str = "pull_request", delivery: str = "d-1") -> WebhookRequest:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return WebhookRequest(body, signature, delivery, event_name)


def receive(request: WebhookRequest) -> tuple[str, list[tuple[str, str, str]]]:
    bus = InMemoryEventBus()
    answer = receive_webhook(request, secret=SECRET, forward=bus.forward)
    return answer, bus.forwarded


def test_the_signature_that_github_documents_is_right() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    check_signature(WebhookRequest(b"Hello, World!", signature, "", ""), SECRET)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e18",
        "sha256=ÄÖÜ",
    ],
)
def test_any_other_signature_is_refused_and_nothing_happens(signature: str) -> None:
    with pytest.raises(InvalidSignatureError):
        receive(WebhookRequest(b"Hello, World!", signature, "d-1", "pull_request"))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_holds_for_its_own_body_alone(body: bytes, other: bytes) -> None:
    request = signed(body)
    check_signature(request, SECRET)

    if other != body:
        with pytest.raises(InvalidSignatureError):
            check_signature(WebhookRequest(other, request.signature, "", ""), SECRET)


def test_a_pull_request_event_goes_on_the_bus_as_it_came() -> None:
    body = json.dumps({"action": "opened", "title": "Ünïcode"}, ensure_ascii=False).encode()

    answer, forwarded = receive(signed(body))

    assert answer == "on the bus"
    assert forwarded == [("pull_request", body.decode(), "d-1")]


@pytest.mark.parametrize("event_name", ["ping", "issues", "", "push"])
def test_an_event_of_another_kind_is_taken_and_not_used(event_name: str) -> None:
    answer, forwarded = receive(signed(b"{}", event_name=event_name))

    assert answer.endswith("is not used")
    assert forwarded == []


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"payload=%7B%7D", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidEventError):
        receive(signed(body))


def test_a_request_without_a_delivery_id_is_invalid() -> None:
    with pytest.raises(InvalidEventError, match="X-GitHub-Delivery"):
        receive(signed(b"{}", delivery=""))
