from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

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


URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/own"


class Sqs:
    """The two calls that the queue makes; ``gone`` is how AWS answers where there is no queue."""

    def __init__(self) -> None:
        self.delayed: list[tuple[str, int]] = []
        self.shown_again: list[tuple[str, int]] = []
        self.gone = False

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> None:  # noqa: N803 # AWS's names
        if self.gone:
            raise ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "SendMessage")
        assert QueueUrl == URL
        self.delayed.append((MessageBody, DelaySeconds))

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803 # AWS's names
        assert QueueUrl == URL
        self.shown_again.append((ReceiptHandle, VisibilityTimeout))


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


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


def batch(*bodies: str, receive_count: int = 1) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(receive_count)}
    return {
        "Records": [
            {"messageId": f"m-{body}", "receiptHandle": f"r-{body}", "body": body, "attributes": attributes}
            for body in bodies
        ]
    }


def handle(sqs: Sqs, event: dict[str, Any], work: Callable[[str], None]) -> list[str]:
    """The messages that SQS has to bring again."""
    client: Any = sqs
    answer = handle_batch(event, CONTEXT, work, DelayedQueue(client, URL))
    return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def raising(error: Exception) -> Callable[[str], None]:
    def work(_: str) -> None:
        raise error

    return work


def test_a_message_that_was_worked_off_is_done(sqs: Sqs) -> None:
    seen: list[str] = []

    assert handle(sqs, batch("a", "b"), seen.append) == []
    assert seen == ["a", "b"]
    assert sqs.delayed == []


@pytest.mark.parametrize(
    "error",
    [InvalidEventError("x"), InvalidPipelineError("x"), SupersededError("x")],
    ids=lambda one: type(one).__name__,
)
def test_what_no_retry_would_mend_is_dropped_and_counted(sqs: Sqs, error: Exception, log: io.StringIO) -> None:
    assert handle(sqs, batch("a"), raising(error)) == []

    assert sqs.delayed == []
    assert "MessageDropped" in metrics.metric_set
    (line,) = lines(log)
    assert (line["message"], line["kind"], line["level"]) == ("dropped", type(error).__name__, "WARNING")


def test_what_is_still_to_come_is_brought_again_later_and_is_no_failure(sqs: Sqs) -> None:
    assert handle(sqs, batch("a"), raising(NotYetError("soon", retry_seconds=30))) == []

    assert sqs.delayed == [("a", 30)]


@pytest.mark.parametrize("error", [TransientUpstreamError("x"), UpstreamError("x"), KeyError("x")])
def test_a_fault_is_retried_by_the_queue_for_its_own_message_alone(sqs: Sqs, error: Exception) -> None:
    def work(body: str) -> None:
        if body == "bad":
            raise error

    assert handle(sqs, batch("good", "bad", "fine"), work) == ["m-bad"]


@pytest.mark.parametrize(("receive_count", "seconds"), [(1, 10), (2, 20), (4, 80), (50, 900)])
def test_a_fault_that_passes_is_tried_again_sooner_than_a_worker_that_died(
    sqs: Sqs, receive_count: int, seconds: int
) -> None:
    failing = raising(TransientUpstreamError("throttled"))

    assert handle(sqs, batch("a", receive_count=receive_count), failing) == ["m-a"]
    assert sqs.shown_again == [("r-a", seconds)]


def test_a_fault_that_does_not_pass_by_itself_waits_for_the_queues_own_time(sqs: Sqs) -> None:
    assert handle(sqs, batch("a"), raising(UpstreamError("refused"))) == ["m-a"]
    assert sqs.shown_again == []


def test_where_the_wait_cannot_be_noted_the_queue_brings_the_message_itself(sqs: Sqs) -> None:
    sqs.gone = True

    assert handle(sqs, batch("a"), raising(NotYetError("soon", retry_seconds=1))) == ["m-a"]


def test_every_line_says_what_it_is_about_and_nothing_of_the_message_before(sqs: Sqs, log: io.StringIO) -> None:
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

    handle(sqs, batch("a", "b"), work)

    told = lines(log)
    assert [line["environment"] for line in told] == ["feature1", "feature1", "", ""]
    assert all(line.keys() >= set(EVERY_LINE) for line in told)
    assert (told[0]["key"], told[1]["level"]) == ("value", "WARNING")
    assert metrics.metric_set["Worked"]["Value"] == [1.0, 1.0]
    assert metrics.metric_set["Time"]["Unit"] == "Seconds"
