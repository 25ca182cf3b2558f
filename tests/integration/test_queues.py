"""The queues on SQS (moto): a function's own, its dead letters, and the seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.sqs.models import sqs_backends

from dagbranch.adapters.queues import SqsSeedQueue, WorkQueue
from dagbranch.errors import UpstreamError
from tests.fakes.contracts.seed_queue import Bodies, SeedQueueContract

ACCOUNT, REGION = "123456789012", "eu-central-1"  # moto's only account


@dataclass
class Sqs:
    client: Any

    def queue(self, name: str) -> str:
        url: str = self.client.create_queue(QueueName=name)["QueueUrl"]
        return url

    def received(self, url: str) -> list[dict[str, Any]]:
        answer = self.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def bodies(self, url: str) -> list[str]:
        return [message["Body"] for message in self.received(url)]


@pytest.fixture(scope="module")
def service() -> Iterator[Sqs]:
    """One client for all: to make one costs more than a test."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "made-up")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        yield Sqs(boto3.client("sqs", region_name=REGION))


@pytest.fixture
def sqs(service: Sqs) -> Sqs:
    """An account with nothing in it."""
    sqs_backends[ACCOUNT][REGION].reset()
    return service


@pytest.fixture
def own(sqs: Sqs) -> str:
    return sqs.queue("own")


@pytest.fixture
def dead_letters(sqs: Sqs) -> str:
    return sqs.queue("dead-letters")


@pytest.fixture
def queue(sqs: Sqs, own: str, dead_letters: str) -> WorkQueue:
    return WorkQueue(sqs.client, own, dead_letters, 6)


class TestSqsSeedQueue(SeedQueueContract):
    @pytest.fixture
    def seeds(self, sqs: Sqs, own: str) -> SqsSeedQueue:
        return SqsSeedQueue(sqs.client, own)

    @pytest.fixture
    def bodies(self, sqs: Sqs, own: str) -> Bodies:
        return lambda: sqs.bodies(own)


def test_a_message_that_waits_comes_again_through_its_own_queue(sqs: Sqs, own: str, queue: WorkQueue) -> None:
    queue.bring_again("the message", 0)

    assert sqs.bodies(own) == ["the message"]


def test_a_wait_longer_than_sqs_allows_is_cut(sqs: Sqs, own: str, queue: WorkQueue) -> None:
    queue.bring_again("the message", 10_000)

    attributes = sqs.client.get_queue_attributes(QueueUrl=own, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


def test_a_message_that_is_given_up_is_a_dead_letter_with_what_is_told_of_it(
    sqs: Sqs, own: str, dead_letters: str, queue: WorkQueue
) -> None:
    queue.give_up(
        "the message",
        {"reason": "GitHub answered 401\n\x00ü", "kind": "UpstreamError", "function": "", "at": "x" * 5_000},
    )

    (letter,) = sqs.received(dead_letters)
    told = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert letter["Body"] == "the message"
    assert (told["reason"], told["kind"]) == ("GitHub answered 401\n\N{REPLACEMENT CHARACTER}ü", "UpstreamError")
    assert (told["function"], len(told["at"])) == ("-", 2_000)
    assert sqs.bodies(own) == []


def test_a_failure_is_the_last_when_the_queue_would_give_up(queue: WorkQueue) -> None:
    assert [queue.is_last(count) for count in (1, 5, 6, 7)] == [False, False, True, True]


def test_what_aws_refuses_is_ours(sqs: Sqs) -> None:
    gone = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/none"
    nowhere = WorkQueue(sqs.client, gone, gone, 6)

    with pytest.raises(UpstreamError, match="delaying a message"):
        nowhere.bring_again("x", 1)
    with pytest.raises(UpstreamError, match="into the dead-letter queue"):
        nowhere.give_up("x", {"reason": "y"})
