"""The webhook's handler with everything that it reaches in an account of moto's."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from dagbranch.adapters.deliveries import TakenDeliveries
from dagbranch.errors import ConfigurationError, NotYetError, TransientUpstreamError
from dagbranch.events import MOST_BODY_BYTES
from tests.fakes.template import ROOT, registry_table
from tests.integration.webhook_payloads import examples

SECRET = "It's a Secret to Everybody"
CONTEXT: Any = SimpleNamespace(
    function_name="receive_webhook",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:receive_webhook",
    aws_request_id="request-1",
    get_remaining_time_in_millis=lambda: 10_000,
)


@dataclass
class Door:
    app: ModuleType
    sqs: Any
    dynamodb: Any
    url: str

    def send(self, event: dict[str, Any]) -> int:
        answer = self.app.lambda_handler(event, CONTEXT)
        status: int = answer["statusCode"]
        return status

    def on_the_bus(self) -> list[str]:
        received = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"])["resources"][0] for message in received.get("Messages", [])]


@pytest.fixture
def door(account: Door) -> Door:
    """With nothing on the bus."""
    while account.on_the_bus():
        pass
    return account


@pytest.fixture(scope="module")
def account() -> Iterator[Door]:
    variables = {
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_NAME": "receive_webhook",
        "EVENT_BUS": "dagbranch-bus",
        "REGISTRY_TABLE": "registry",
        "WEBHOOK_SECRET": "webhook",
        "POWERTOOLS_SERVICE_NAME": "dagbranch",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name, value in variables.items():
            environment.setenv(name, value)
        events, sqs, dynamodb = boto3.client("events"), boto3.client("sqs"), boto3.client("dynamodb")
        dynamodb.create_table(**registry_table("registry"))
        boto3.client("secretsmanager").create_secret(Name="webhook", SecretString=SECRET)
        events.create_event_bus(Name="dagbranch-bus")
        # What was read stays away: a slow machine needs over half a minute for these tests.
        url = sqs.create_queue(QueueName="everything", Attributes={"VisibilityTimeout": "43200"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="all", EventBusName="dagbranch-bus", EventPattern='{"source": ["github.com"]}')
        events.put_targets(Rule="all", EventBusName="dagbranch-bus", Targets=[{"Id": "queue", "Arn": arn}])
        yield Door(_handler(), sqs, dynamodb, url)


class Secret:
    """The webhook's secret in Secrets Manager, taken up at once."""

    def __init__(self, account: Door) -> None:
        self._account = account

    def put(self, text: str) -> None:
        boto3.client("secretsmanager").put_secret_value(SecretId="webhook", SecretString=text)
        self._account.app.secrets().clear_cache()


@pytest.fixture
def secret(account: Door) -> Iterator[Secret]:
    changed = Secret(account)
    yield changed
    changed.put(SECRET)


def _handler() -> ModuleType:
    specification = importlib.util.spec_from_file_location("app", ROOT / "functions" / "receive_webhook" / "app.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def real(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / f"events/receive_webhook/{name}.json").read_text())
    return event


def signed(body: str, delivery: str, event_name: str = "pull_request", by: str = SECRET) -> dict[str, Any]:
    headers = {
        "x-github-event": event_name,
        "x-github-delivery": delivery,
        "x-hub-signature-256": "sha256=" + hmac.new(by.encode(), body.encode(), hashlib.sha256).hexdigest(),
    }
    return {"version": "2.0", "headers": headers, "body": body, "isBase64Encoded": False}


def test_a_signed_event_is_on_the_bus_once_however_often_it_is_delivered(door: Door) -> None:
    event = real("pull_request_opened")

    assert [door.send(event) for _ in range(3)] == [202, 202, 202]

    assert door.on_the_bus() == [event["headers"]["x-github-delivery"]]


def test_a_signed_body_is_taken_once_whatever_its_delivery_is_called(door: Door) -> None:
    body = '{"action": "opened", "number": 77}'

    assert [door.send(signed(body, "d-first")), door.send(signed(body, "d-another"))] == [202, 202]

    assert len(door.on_the_bus()) == 1


def test_every_payload_that_github_published_is_answered(door: Door) -> None:
    sent = [signed(one.body.decode(), f"d-all-{number}", one.event) for number, one in enumerate(examples())]

    assert {door.send(event) for event in sent} == {202}


@pytest.mark.parametrize("text", [f'{{"secrets": ["new one", "{SECRET}"]}}', f'{{"secrets": ["{SECRET}", "old one"]}}'])
def test_either_secret_opens_the_door_while_it_is_changed(door: Door, secret: Secret, text: str) -> None:
    secret.put(text)

    assert door.send(signed("{}", "d-rotated")) == 202
    assert door.send(signed("{}", "d-rotated", by="another one")) == 401


@pytest.mark.filterwarnings("ignore:No application metrics")  # Powertools', of an invocation that failed
@pytest.mark.parametrize("text", ["{}", '{"secrets": ["hidden", ""]}'])
def test_a_secret_that_is_none_lets_nobody_in_and_is_not_told(door: Door, secret: Secret, text: str) -> None:
    secret.put(text)

    with pytest.raises(ConfigurationError) as refused:
        door.send(signed("{}", "d-none", by=""))

    assert "hidden" not in str(refused.value)
    assert door.on_the_bus() == []


def test_an_event_of_another_kind_is_taken_and_goes_nowhere(door: Door) -> None:
    assert door.send(real("ping")) == 202
    assert door.on_the_bus() == []


@pytest.mark.parametrize("signature", ["sha256=0", "", None])
def test_a_wrong_or_missing_signature_is_401_and_nothing_happens(door: Door, signature: str | None) -> None:
    event = real("pull_request_opened")
    headers = {name: value for name, value in event["headers"].items() if name != "x-hub-signature-256"}
    if signature is not None:
        headers["x-hub-signature-256"] = signature

    assert door.send({**event, "headers": headers}) == 401
    assert door.on_the_bus() == []


def test_what_github_would_not_send_is_400(door: Door) -> None:
    assert door.send(signed("[]", "d-list")) == 400
    assert door.send(signed("{}", "")) == 400
    assert door.send({"no": "request"}) == 400
    assert door.on_the_bus() == []


def test_a_body_above_the_limit_is_413_before_anything_is_looked_at(door: Door) -> None:
    assert door.send({**signed("{}", "d-large"), "body": "x" * (MOST_BODY_BYTES + 1)}) == 413


def test_records_of_deliveries_expire_and_have_a_key_that_the_policy_allows(door: Door) -> None:
    door.send(signed('{"action": "opened"}', "d-record"))

    records = [item for item in door.dynamodb.scan(TableName="registry")["Items"] if "expires_at" in item]
    assert records
    assert all(item["pk"]["S"].startswith("idempotency#") for item in records)


def test_a_delivery_that_could_not_be_taken_counts_as_not_taken(door: Door) -> None:
    deliveries, taken = TakenDeliveries("registry"), []

    def fail() -> None:
        raise TransientUpstreamError("the bus is away")

    with pytest.raises(TransientUpstreamError, match="the bus is away"):
        deliveries.once('{"failed": 1}', fail, CONTEXT)
    deliveries.once('{"failed": 1}', lambda: taken.append(1), CONTEXT)
    deliveries.once('{"failed": 1}', lambda: taken.append(2), CONTEXT)

    assert taken == [1]


def test_a_delivery_that_is_being_taken_is_not_taken_beside_it(door: Door) -> None:
    deliveries = TakenDeliveries("registry")

    def again() -> None:
        deliveries.once('{"twice": 1}', lambda: None, CONTEXT)

    with pytest.raises(NotYetError, match="at this moment"):
        deliveries.once('{"twice": 1}', again, CONTEXT)


def test_a_table_that_cannot_be_asked_passes(door: Door) -> None:
    with pytest.raises(TransientUpstreamError, match="noting a delivery"):
        TakenDeliveries("another").once("{}", lambda: None, CONTEXT)
