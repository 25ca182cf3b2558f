from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter

from dagbranch.adapters.queues import WorkQueue
from dagbranch.errors import (
    ConfigurationError,
    InvalidEventError,
    InvalidPipelineError,
    NotYetError,
    SupersededError,
    TransientUpstreamError,
    UpstreamError,
)
from dagbranch.observability import EVERY_LINE, PowertoolsTelemetry, logger, metrics
from dagbranch.queue_batches import backoff_seconds, handle_batch

CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000, function_name="remove_environment")


URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/own"
DEAD_LETTERS_URL = f"{URL}-dead-letters"
MOST_RECEIVES = 6


class Sqs:
    """The calls that the queue makes; ``gone`` is how AWS answers where there is no queue."""

    def __init__(self) -> None:
        self.delayed: list[tuple[str, int]] = []
        self.shown_again: list[tuple[str, int]] = []
        self.given_up: list[tuple[str, dict[str, str]]] = []
        self.gone = False
        self.meta = SimpleNamespace(events=HierarchicalEmitter())  # every client of AWS's has it

    def send_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803 # AWS's names
        MessageBody: str,  # noqa: N803
        DelaySeconds: int = 0,  # noqa: N803
        MessageAttributes: Mapping[str, Mapping[str, str]] | None = None,  # noqa: N803
    ) -> None:
        if self.gone:
            raise ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "SendMessage")
        if QueueUrl == DEAD_LETTERS_URL:
            told = {name: one["StringValue"] for name, one in (MessageAttributes or {}).items()}
            self.given_up.append((MessageBody, told))
        else:
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
    answer = handle_batch(event, CONTEXT, work, WorkQueue(client, URL, DEAD_LETTERS_URL, MOST_RECEIVES))
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
    [InvalidPipelineError("x"), SupersededError("x")],
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


@pytest.mark.parametrize("error", [TransientUpstreamError("x"), ConfigurationError("x"), KeyError("x")])
def test_a_fault_is_retried_by_the_queue_for_its_own_message_alone(sqs: Sqs, error: Exception) -> None:
    def work(body: str) -> None:
        if body == "bad":
            raise error

    assert handle(sqs, batch("good", "bad", "fine"), work) == ["m-bad"]
    assert sqs.given_up == []


@pytest.mark.parametrize(
    "error", [TransientUpstreamError("throttled"), KeyError("x")], ids=lambda one: type(one).__name__
)
@pytest.mark.parametrize(("receive_count", "seconds"), [(1, 10), (2, 20), (4, 80), (5, 160)])
def test_a_fault_is_tried_again_sooner_than_a_worker_that_died(
    sqs: Sqs, receive_count: int, seconds: int, error: Exception
) -> None:
    assert handle(sqs, batch("a", receive_count=receive_count), raising(error)) == ["m-a"]
    assert sqs.shown_again == [("r-a", seconds)]


def test_the_wait_between_two_tries_has_an_end() -> None:
    assert backoff_seconds(50) == 900


def test_a_message_waits_as_long_as_the_other_side_asks_where_that_is_longer(sqs: Sqs) -> None:
    handle(sqs, batch("limited"), raising(TransientUpstreamError("a limit", retry_seconds=1800)))
    handle(sqs, batch("failing", receive_count=4), raising(TransientUpstreamError("a limit", retry_seconds=1)))

    assert sqs.shown_again == [("r-limited", 1800), ("r-failing", 80)]


@pytest.mark.parametrize("error", [UpstreamError("GitHub answered 401"), InvalidEventError("the message is no JSON")])
def test_what_would_fail_again_in_the_same_way_is_a_dead_letter_with_its_reason_at_once(
    sqs: Sqs, error: Exception, log: io.StringIO
) -> None:
    assert handle(sqs, batch("a", "b"), raising(error)) == []

    assert [body for body, _ in sqs.given_up] == ["a", "b"]
    assert sqs.shown_again == []
    _, told = sqs.given_up[0]
    assert (told["reason"], told["kind"]) == (str(error), type(error).__name__)
    assert told["function"] == "remove_environment"
    assert datetime.now(UTC) - datetime.fromisoformat(told["at"]) < timedelta(minutes=1)
    assert "MessageGivenUp" in metrics.metric_set
    assert lines(log)[0]["reason"] == str(error)


@pytest.mark.parametrize("error", [TransientUpstreamError("throttled"), ConfigurationError("missing")])
def test_what_fails_at_its_last_receive_is_a_dead_letter_with_its_reason(sqs: Sqs, error: Exception) -> None:
    assert handle(sqs, batch("a", receive_count=MOST_RECEIVES), raising(error)) == []

    ((body, told),) = sqs.given_up
    assert (body, told["reason"]) == ("a", str(error))


def test_what_still_has_to_wait_at_its_last_receive_is_brought_again(sqs: Sqs) -> None:
    later = raising(NotYetError("soon", retry_seconds=30))

    assert handle(sqs, batch("a", receive_count=MOST_RECEIVES), later) == []

    assert (sqs.delayed, sqs.given_up) == ([("a", 30)], [])


def test_of_an_error_that_is_not_ours_only_the_place_is_told(sqs: Sqs) -> None:
    failing = raising(KeyError("https://signed?token=secret"))

    handle(sqs, batch("a", receive_count=MOST_RECEIVES), failing)

    ((_, told),) = sqs.given_up
    assert told["kind"] == "KeyError"
    assert told["reason"].startswith("unexpected KeyError in work (test_queue_batches.py, line ")
    assert "secret" not in told["reason"]


@pytest.mark.parametrize(
    ("reason", "kept"),
    [("", "-"), ("x" * 5_000, "x" * 1_999 + "…"), ("a\x00b\ud800c\nd", "a\ufffdb\ufffdc\nd")],
    ids=["empty", "long", "not for SQS"],
)
def test_a_reason_is_cut_to_what_sqs_takes(sqs: Sqs, reason: str, kept: str) -> None:
    client: Any = sqs

    WorkQueue(client, URL, DEAD_LETTERS_URL, MOST_RECEIVES).give_up("a", {"reason": reason})

    ((_, told),) = sqs.given_up
    assert told["reason"] == kept


@pytest.mark.parametrize(("receive_count", "error"), [(1, UpstreamError("x")), (MOST_RECEIVES, KeyError("x"))])
def test_what_the_dead_letter_queue_does_not_take_stays_with_its_own_queue(
    sqs: Sqs, receive_count: int, error: Exception
) -> None:
    sqs.gone = True

    assert handle(sqs, batch("a", receive_count=receive_count), raising(error)) == ["m-a"]
    assert "MessageGivenUp" not in metrics.metric_set


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
