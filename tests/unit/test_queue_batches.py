from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from dagbranch.adapters.event_bus import DelayedQueue
from dagbranch.errors import (
    InvalidEventError,
    InvalidPipelineError,
    NotYetError,
    SupersededError,
    TransientUpstreamError,
    UpstreamError,
)
from dagbranch.observability import EVERY_LINE, PowertoolsTelemetry, logger, metrics
from dagbranch.queue_batches import handle_batch

CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)


@pytest.fixture(scope="module")
def sqs() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "made-up")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        yield boto3.client("sqs", region_name="eu-central-1")


@pytest.fixture
def url(sqs: Any) -> Iterator[str]:
    url: str = sqs.create_queue(QueueName="own")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """What the logger writes; the keys and metrics of a test end with it."""
    written = io.StringIO()
    handler: Any = logger.registered_handler
    before = handler.setStream(written)
    yield written
    handler.setStream(before)
    logger.remove_keys([*EVERY_LINE])
    metrics.clear_metrics()


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def batch(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": f"m-{body}", "body": body, "attributes": {}} for body in bodies]}


def handle(sqs: Any, url: str, event: dict[str, Any], work: Callable[[str], None]) -> list[str]:
    """The messages that SQS has to bring again."""
    answer = handle_batch(event, CONTEXT, work, DelayedQueue(sqs, url))
    return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def waiting(sqs: Any, url: str) -> tuple[str, str]:
    """How many messages are in the queue: at once, and delayed."""
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return attributes["ApproximateNumberOfMessages"], attributes["ApproximateNumberOfMessagesDelayed"]


def raising(error: Exception) -> Callable[[str], None]:
    def work(_: str) -> None:
        raise error

    return work


def test_a_message_that_was_worked_off_is_done(sqs: Any, url: str) -> None:
    seen: list[str] = []

    assert handle(sqs, url, batch("a", "b"), seen.append) == []
    assert seen == ["a", "b"]
    assert waiting(sqs, url) == ("0", "0")


@pytest.mark.parametrize(
    "error",
    [InvalidEventError("x"), InvalidPipelineError("x"), SupersededError("x")],
    ids=lambda one: type(one).__name__,
)
def test_what_no_retry_would_mend_is_dropped_and_counted(
    sqs: Any, url: str, error: Exception, log: io.StringIO
) -> None:
    assert handle(sqs, url, batch("a"), raising(error)) == []

    assert waiting(sqs, url) == ("0", "0")
    assert "MessageDropped" in metrics.metric_set
    (line,) = lines(log)
    assert (line["message"], line["kind"], line["level"]) == ("dropped", type(error).__name__, "WARNING")


def test_what_is_still_to_come_is_brought_again_later_and_is_no_failure(sqs: Any, url: str) -> None:
    assert handle(sqs, url, batch("a"), raising(NotYetError("soon", retry_seconds=30))) == []

    assert waiting(sqs, url) == ("0", "1")


@pytest.mark.parametrize("error", [TransientUpstreamError("x"), UpstreamError("x"), KeyError("x")])
def test_a_fault_is_retried_by_the_queue_for_its_own_message_alone(sqs: Any, url: str, error: Exception) -> None:
    def work(body: str) -> None:
        if body == "bad":
            raise error

    assert handle(sqs, url, batch("good", "bad", "fine"), work) == ["m-bad"]


def test_where_the_wait_cannot_be_noted_the_queue_brings_the_message_itself(sqs: Any) -> None:
    gone = "https://sqs.eu-central-1.amazonaws.com/123456789012/gone"

    assert handle(sqs, gone, batch("a"), raising(NotYetError("soon", retry_seconds=1))) == ["m-a"]


def test_every_line_says_what_it_is_about_and_nothing_of_the_message_before(
    sqs: Any, url: str, log: io.StringIO
) -> None:
    telemetry = PowertoolsTelemetry()

    def work(body: str) -> None:
        if body == "a":
            telemetry.about(environment="feature1", repository="acme/pipelines", pull_number=1, head_sha="1" * 40)
        else:
            telemetry.about(environment=None)
        telemetry.info("working", key="value")
        telemetry.warning("careful")
        telemetry.count("Worked")
        telemetry.seconds("Time", 1.5)

    handle(sqs, url, batch("a", "b"), work)

    told = lines(log)
    assert [line["environment"] for line in told] == ["feature1", "feature1", "", ""]
    assert all(line.keys() >= set(EVERY_LINE) for line in told)
    assert (told[0]["key"], told[1]["level"]) == ("value", "WARNING")
    assert metrics.metric_set["Worked"]["Value"] == [1.0, 1.0]
    assert metrics.metric_set["Time"]["Unit"] == "Seconds"
