from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.requests import DataRequest, SeedRequest, event_detail
from dagbranch.errors import InvalidEventError
from dagbranch.events import archive_uploaded, data_work, environment_event, pull_request_event, webhook_request
from dagbranch.use_cases.receive_webhook import check_signature
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, an_environment

ROOT = Path(__file__).parents[2]
SECRET = "It's a Secret to Everybody"
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def from_github(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / f"tests/data/github/{name}.json").read_text())
    return content


def on_the_bus(detail: Any, **different: Any) -> str:
    """A message of a queue, as EventBridge puts it there."""
    usual = {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "pull_request",
        "source": "github.com",
        "account": "111122223333",
        "time": "2026-11-21T09:00:00Z",
        "region": "eu-central-1",
        "resources": ["72d3162e-cc78-11e3-81ab-4c9367dc0958"],
        "detail": detail,
    }
    return json.dumps(usual | different)


def s3_event(key: str) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    detail = {
        "version": "0",
        "bucket": {"name": "acme-sources"},
        "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "617f08299329d189"},
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "source-ip-address": "1.2.3.4",
        "reason": "PutObject",
    }
    return on_the_bus(
        detail,
        **{"detail-type": "Object Created", "source": "aws.s3", "resources": ["arn:aws:s3:::acme-sources"]},
    )


@pytest.mark.parametrize(
    ("name", "is_open"),
    [("pull_request_opened", True), ("pull_request_synchronize", True), ("pull_request_closed", False)],
)
def test_githubs_own_payloads_are_read(name: str, is_open: bool) -> None:  # noqa: FBT001 # a parameter of the test
    payload = from_github(name)

    event = pull_request_event(on_the_bus(payload))

    pull = payload["pull_request"]
    assert event.repository == payload["repository"]["full_name"]
    assert event.repository_id == payload["repository"]["id"]
    assert (event.pull_number, event.head_sha) == (pull["number"], pull["head"]["sha"])
    assert event.delivery == "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    assert event.claims is not None
    assert event.claims.is_open is is_open
    assert event.claims.head_ref == pull["head"]["ref"]
    assert event.claims.is_from_a_fork is (pull["head"]["repo"]["id"] != payload["repository"]["id"])


def test_a_pull_request_of_a_deleted_fork_is_from_a_fork() -> None:
    payload = from_github("pull_request_opened")
    payload["pull_request"]["head"]["repo"] = None

    event = pull_request_event(on_the_bus(payload))

    assert event.claims is not None
    assert event.claims.is_from_a_fork


def test_without_a_delivery_the_events_own_id_stands_for_it() -> None:
    event = pull_request_event(on_the_bus(from_github("pull_request_opened"), resources=[]))

    assert event.delivery == "6a7e8feb-b491-4cf7-a9f1-bf3703467718"


def test_dagbranchs_own_requests_and_announcements_are_read_as_they_were_put() -> None:
    detail = event_detail(an_environment(generation=3), NOW, dag_ids=[])
    message = on_the_bus(detail, source="dagbranch", **{"detail-type": "Packaged"})

    announced, asked = environment_event(message), pull_request_event(message)

    assert (announced.kind, announced.lane, announced.generation, announced.at) == ("Packaged", "preview", 3, NOW)
    for event in (announced, asked):
        assert (event.repository, event.repository_id, event.pull_number) == (REPOSITORY, REPOSITORY_ID, 1)
        assert event.head_sha == FIRST
    assert asked.claims is None


def test_an_upload_is_its_key_and_its_time() -> None:
    upload = archive_uploaded(s3_event("sources/acme/pipelines/a b+ü.zip"))

    assert upload.key == "sources/acme/pipelines/a b+ü.zip"
    assert upload.uploaded_at == datetime(2026, 11, 21, 9, tzinfo=UTC)


def for_data(body: str) -> object:
    return data_work(body, "preview")


REQUEST = {"version": 1, "lane": "preview", "repository": REPOSITORY, "pull_number": 1, "data": {"repository_id": 4711}}


@pytest.mark.parametrize(
    ("detail_type", "kind"), [("Data Reset Requested", "reset"), ("Data Check Requested", "check")]
)
def test_requests_for_data_are_read_with_their_time(detail_type: str, kind: str) -> None:
    request = for_data(on_the_bus(REQUEST, source="dagbranch", **{"detail-type": detail_type}))

    assert request == DataRequest(kind, REPOSITORY_ID, REPOSITORY, 1, NOW)  # type: ignore[arg-type] # one of the two


@pytest.mark.parametrize(
    ("detail", "detail_type"),
    [
        ({**REQUEST, "lane": "stage"}, "Data Reset Requested"),
        ({**REQUEST, "pull_number": 0}, "Data Reset Requested"),
        ({**REQUEST, "version": 2}, "Data Reset Requested"),
        (REQUEST, "Removal Requested"),
    ],
)
def test_a_request_for_data_of_another_lane_or_kind_is_invalid(detail: Any, detail_type: str) -> None:
    with pytest.raises(InvalidEventError):
        for_data(on_the_bus(detail, source="dagbranch", **{"detail-type": detail_type}))


def test_an_upload_and_a_seed_come_through_the_queue_of_the_data() -> None:
    seed = {"key": "sources/a.zip", "generation": 2, "table": "db_feature1.m_roi"}

    assert for_data(s3_event("sources/a.zip")) == archive_uploaded(s3_event("sources/a.zip"))
    assert for_data(json.dumps({"seed": seed})) == SeedRequest("sources/a.zip", 2, "db_feature1.m_roi")


@pytest.mark.parametrize("seed", [None, [], {}, {"key": "a", "generation": "x", "table": "t"}])
def test_a_malformed_seed_is_invalid(seed: Any) -> None:
    with pytest.raises(InvalidEventError):
        for_data(json.dumps({"seed": seed}))


@pytest.mark.parametrize("read", [pull_request_event, archive_uploaded, environment_event, for_data])
@pytest.mark.parametrize(
    "message",
    [
        "",
        "no JSON",
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        on_the_bus({}),
        on_the_bus([]),
        on_the_bus(from_github("ping")),
        on_the_bus(from_github("issues_opened")),
    ],
)
def test_a_message_of_another_kind_is_invalid(read: Any, message: str) -> None:
    with pytest.raises(InvalidEventError):
        read(message)


@pytest.mark.parametrize("read", [pull_request_event, archive_uploaded, environment_event, for_data])
@given(anything)
def test_no_detail_makes_a_reader_crash(read: Any, detail: Any) -> None:
    with pytest.raises(InvalidEventError):
        read(on_the_bus(detail))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("number",), 0),
        (("number",), "x"),
        (("state",), "merged"),
        (("head", "sha"), "main"),
        (("head", "sha"), "A" * 40),
        (("head", "ref"), None),
    ],
)
def test_a_malformed_pull_request_is_invalid_and_its_content_is_not_told(place: tuple[str, ...], value: Any) -> None:
    payload = from_github("pull_request_opened")
    inner = payload["pull_request"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value

    with pytest.raises(InvalidEventError, match=place[-1]) as error:
        pull_request_event(on_the_bus(payload))
    assert payload["pull_request"]["title"] not in str(error.value)


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
