"""The event bus, and the messages that let work wait, or be done beside other work, without holding a Lambda."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import translated
from dagbranch.domain.requests import SeedRequest
from dagbranch.errors import TransientUpstreamError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef
    from mypy_boto3_sqs import SQSClient

_LONGEST_DELAY_SECONDS = 900  # SQS's own limit


class EventBridgeBus:
    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = held_whole(client)
        self._name = name

    def publish(self, detail_type: str, detail: Mapping[str, object]) -> None:
        self._put("dagbranch", detail_type, json.dumps(detail), [])

    def forward(self, event_name: str, payload: str, delivery: str) -> None:
        self._put("github.com", event_name, payload, [delivery])

    def _put(self, source: str, detail_type: str, detail: str, resources: list[str]) -> None:
        entry: PutEventsRequestEntryTypeDef = {
            "EventBusName": self._name,
            "Source": source,
            "DetailType": detail_type,
            "Detail": detail,
            "Resources": resources,
        }
        with translated(f"putting {detail_type} on the bus"):
            answer = self._client.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise TransientUpstreamError(f"the bus refused {detail_type}: {answer['Entries'][0].get('ErrorCode')}")


class DelayedQueue:
    """The function's own queue, asked to bring a message again later."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

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


class SqsSeedQueue:
    """The function's own queue, asked for one seed a message."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def request(self, seed: SeedRequest) -> None:
        with translated("asking for a seed"):
            self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({"seed": asdict(seed)}))
