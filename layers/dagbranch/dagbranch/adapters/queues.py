"""SQS: a function's own queue, its dead-letter queue, and the messages that have work done beside other work."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import translated
from dagbranch.domain.requests import SeedRequest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

_LONGEST_DELAY_SECONDS: Final = 900  # SQS's own limit
# Of the megabyte that SQS takes of a message and its attributes together.
_LONGEST_ATTRIBUTE_CHARACTERS: Final = 2_000
_REFUSED_BY_SQS: Final = re.compile(r"[^\t\n\r -\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


class WorkQueue:
    """The queue that a function works off.

    ``most_receives``: how often the queue brings a message (its maxReceiveCount) before it gives it up itself.
    """

    def __init__(self, client: SQSClient, url: str, dead_letters_url: str, most_receives: int) -> None:
        self._client = held_whole(client)
        self._url = url
        self._dead_letters_url = dead_letters_url
        self._most_receives = most_receives

    def bring_again(self, body: str, after_seconds: int) -> None:
        with translated("delaying a message"):
            self._client.send_message(
                QueueUrl=self._url, MessageBody=body, DelaySeconds=min(after_seconds, _LONGEST_DELAY_SECONDS)
            )

    def show_again(self, receipt_handle: str, after_seconds: int) -> None:
        """Ends a received message's visibility time-out early, so that it is brought again after this time."""
        with translated("shortening a message's visibility time-out"):
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=after_seconds
            )

    def is_last(self, receive_count: int) -> bool:
        """Whether the queue would give a message up that fails now."""
        return receive_count >= self._most_receives

    def give_up(self, body: str, told: Mapping[str, str]) -> None:
        """Puts the message into the dead-letter queue, with what is told of it as its attributes."""
        with translated("putting a message into the dead-letter queue"):
            self._client.send_message(
                QueueUrl=self._dead_letters_url,
                MessageBody=body,
                MessageAttributes={name: _attribute(value) for name, value in told.items()},
            )


class SqsSeedQueue:
    """The function's own queue, asked for one seed a message."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = held_whole(client)
        self._url = url

    def request(self, seed: SeedRequest) -> None:
        with translated("asking for a seed"):
            self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({"seed": asdict(seed)}))


def _attribute(text: str) -> MessageAttributeValueTypeDef:
    """SQS takes no empty attribute, and not every character."""
    taken = _REFUSED_BY_SQS.sub("\N{REPLACEMENT CHARACTER}", text) or "-"
    if len(taken) > _LONGEST_ATTRIBUTE_CHARACTERS:
        taken = f"{taken[: _LONGEST_ATTRIBUTE_CHARACTERS - 1]}…"
    return {"DataType": "String", "StringValue": taken}
