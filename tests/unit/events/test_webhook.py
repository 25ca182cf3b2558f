from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.errors import InvalidEventError
from dagbranch.events import webhook_request
from dagbranch.use_cases.receive_webhook import check_signature

ROOT = Path(__file__).parents[3]
SECRET = "It's a Secret to Everybody"


@pytest.mark.parametrize("name", ["ping", "pull_request_opened"])
def test_a_function_urls_request_is_read_to_the_byte_so_that_its_signature_holds(name: str) -> None:
    event = json.loads((ROOT / f"events/receive_webhook/{name}.json").read_text())

    request = webhook_request(event)

    check_signature(request, SECRET)
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
    ],
)
def test_what_is_no_http_request_is_invalid(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidEventError):
        webhook_request(event)
