"""GitHub's own example payloads: valid by its schemas, whole after EventBridge, and signed where a signature stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from githubkit.webhooks import verify
from githubkit_schemas.latest import models
from moto import mock_aws
from pydantic import BaseModel, ValidationError

ROOT = Path(__file__).parents[3]
EVENT_NAMES = {
    "pull_request_opened": "pull_request",
    "pull_request_synchronize": "pull_request",
    "pull_request_closed": "pull_request",
    "ping": "ping",
    "issues_opened": "issues",
    "push": "push",
    "deployment_created": "deployment",
    "deployment_status_created": "deployment_status",
}
SCHEMAS: dict[str, type[BaseModel]] = {
    "pull_request_opened": models.WebhookPullRequestOpened,
    "pull_request_synchronize": models.WebhookPullRequestSynchronize,
    "pull_request_closed": models.WebhookPullRequestClosed,
    "ping": models.WebhookPing,
    "issues_opened": models.WebhookIssuesOpened,
    "push": models.WebhookPush,
    "deployment_created": models.WebhookDeploymentCreated,
    "deployment_status_created": models.WebhookDeploymentStatusCreated,
}
NEWER_THAN_THE_EXAMPLES = {"archived_at", "archived_by"}
DOCUMENTED_SECRET = "It's a Secret to Everybody"
REGION = "eu-central-1"


@pytest.fixture
def bus_to_queue() -> Iterator[tuple[Any, Any, str]]:
    """EventBridge, SQS and the address of a queue that takes every event of the source ``github.com``."""
    with mock_aws():
        events, sqs = boto3.client("events", region_name=REGION), boto3.client("sqs", region_name=REGION)
        queue_url = sqs.create_queue(QueueName="events")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
        events.put_rule(Name="all", EventPattern=json.dumps({"source": ["github.com"]}))
        events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}])
        yield events, sqs, queue_url


def payload_of(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / f"tests/data/github/{name}.json").read_text())
    return content


@pytest.mark.parametrize("name", EVENT_NAMES)
def test_real_payloads_are_valid_by_githubs_schemas_but_for_fields_added_since(name: str) -> None:
    try:
        SCHEMAS[name].model_validate(payload_of(name))
        missing = set()
    except ValidationError as error:
        missing = {(fault["type"], str(fault["loc"][-1])) for fault in error.errors()}

    assert missing <= {("missing", field) for field in NEWER_THAN_THE_EXAMPLES}


def test_real_payloads_survive_eventbridge_as_its_detail(bus_to_queue: tuple[Any, Any, str]) -> None:
    events, sqs, queue_url = bus_to_queue
    entries = [
        {"Source": "github.com", "DetailType": event, "Detail": json.dumps(payload_of(name))}
        for name, event in EVENT_NAMES.items()
    ]

    put = events.put_events(Entries=entries)
    messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)["Messages"]
    arrived = [json.loads(message["Body"]) for message in messages]

    assert put["FailedEntryCount"] == 0
    for name, event in EVENT_NAMES.items():
        assert (event, payload_of(name)) in [(one["detail-type"], one["detail"]) for one in arrived]


@pytest.mark.parametrize("name", ["pull_request_opened", "ping"])
def test_events_for_sam_local_invoke_carry_a_real_payload_and_its_signature(name: str) -> None:
    event = json.loads((ROOT / f"events/receive_webhook/{name}.json").read_text())

    assert json.loads(event["body"]) == payload_of(name)
    assert event["headers"]["x-github-event"] == EVENT_NAMES[name]
    assert event["headers"]["content-length"] == str(len(event["body"].encode()))
    assert verify(DOCUMENTED_SECRET, event["body"], event["headers"]["x-hub-signature-256"])
