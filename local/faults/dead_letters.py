"""What the functions gave up: read with the reason, taken out of the way, and sent to work again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from local.faults.callers import pull_number_of
from local.stack import LocalStack

_FUNCTIONS: Final = (
    "FetchSource",
    "PackageDags",
    "ProvisionData",
    "VerifyEnvironment",
    "SweepEnvironments",
    "RemoveEnvironment",
    "AnswerCommand",
    "ReportStatus",
)
UNDELIVERED: Final = "UndeliveredEvents"  # what EventBridge could not put into a queue


@dataclass(frozen=True)
class DeadLetter:
    function: str
    pull_number: int | None
    reason: str
    body: str


def take_dead_letters(stack: LocalStack) -> list[DeadLetter]:
    """All that there are; their queues are empty afterwards."""
    return [
        *(letter for function in _FUNCTIONS for letter in _taken(stack, f"{function}DeadLetters", function)),
        *_taken(stack, UNDELIVERED, UNDELIVERED),
    ]


def redrive(stack: LocalStack, letter: DeadLetter) -> None:
    """As ``docs/operations.md`` has it: the same body, in the function's own queue."""
    queue = stack.deployed.physical_id(f"{letter.function}Queue")
    stack.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=letter.body)


def _taken(stack: LocalStack, queue_id: str, function: str) -> Iterator[DeadLetter]:
    sqs, queue = stack.aws.client("sqs"), stack.deployed.physical_id(queue_id)
    while messages := _received(sqs, queue):
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "no reason")
            body = message["Body"]
            yield DeadLetter(function, pull_number_of(None, body.encode()), reason, body)


def _received(sqs: Any, queue: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found
