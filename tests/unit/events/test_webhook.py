from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.errors import InvalidEventError, OversizedEventError
from dagbranch.events import MOST_BODY_BYTES, webhook_request
from dagbranch.use_cases.receive_webhook import check_signature

ROOT = Path(__file__).parents[3]
SECRET = "It's a Secret to Everybody"


@pytest.mark.parametrize("name", ["ping", "pull_request_opened"])
def test_a_function_urls_request_is_read_to_the_byte_so_that_its_signature_holds(name: str) -> None:
    event = json.loads((ROOT / f"events/receive_webhook/{name}.json").read_text())

    request = webhook_request(event)

    check_signature(request, [SECRET])
    assert request.event_name == ("ping" if name == "ping" else "pull_request")
    assert request.delivery == event["headers"]["x-github-delivery"]


@given(st.binary(max_size=50))
def test_a_body_in_base64_is_decoded(body: bytes) -> None:
    event = {"headers": {}, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}

    assert webhook_request(event).body == body


def test_header_names_are_read_in_any_case_and_missing_ones_are_empty() -> None:
    request = webhook_request({"headers": {"X-GitHub-Event": "ping", "X-HUB-SIGNATURE-256": "sha256=1"}})

    assert (request.event_name, request.signature, request.delivery, request.body) == ("ping", "sha256=1", "", b"")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"headers": None},
        {"headers": {}, "body": 1},
        {"headers": {}, "body": "%%%", "isBase64Encoded": True},
        {"headers": {}, "body": "ü", "isBase64Encoded": True},
        {"headers": {}, "body": "\ud800"},
        {"headers": {}, "body": "\ud800", "isBase64Encoded": True},
    ],
)
def test_what_is_no_http_request_is_invalid(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidEventError):
        webhook_request(event)


@pytest.mark.parametrize(
    ("body", "is_base64"),
    [
        ("x" * (MOST_BODY_BYTES + 1), False),
        ("ü" * (MOST_BODY_BYTES // 2 + 1), False),
        (base64.b64encode(b"x" * (MOST_BODY_BYTES + 1)).decode(), True),
        ("%" * (2 * MOST_BODY_BYTES), True),  # is not even looked at
    ],
    ids=["text", "text of two bytes a character", "base64", "no base64"],
)
def test_a_body_over_the_limit_is_refused_before_it_is_decoded(body: str, *, is_base64: bool) -> None:
    with pytest.raises(OversizedEventError, match="900000"):
        webhook_request({"headers": {}, "body": body, "isBase64Encoded": is_base64})


@pytest.mark.parametrize("is_base64", [True, False])
def test_the_largest_body_is_taken(*, is_base64: bool) -> None:
    text = "x" * MOST_BODY_BYTES
    body = base64.b64encode(text.encode()).decode() if is_base64 else text

    assert webhook_request({"headers": {}, "body": body, "isBase64Encoded": is_base64}).body == text.encode()
