"""The event bus, for what is announced and for the webhooks that are passed on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import translated
from dagbranch.errors import TransientUpstreamError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry

_MOST_ENTRIES: Final = 10  # of one request, EventBridge's own limit
_MOST_BYTES: Final = 256_000  # of one request: a quarter of what it takes by now, all that it took before
_MOST_TOLD: Final = 5


class EventBridgeBus:
    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = held_whole(client)
        self._name = name

    def publish(self, detail_type: str, detail: Mapping[str, object]) -> None:
        self.publish_all([(detail_type, detail)])

    def publish_all(self, events: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        """Raises TransientUpstreamError that tells what the bus refused, after everything else was put."""
        self._put([self._entry("dagbranch", kind, json.dumps(detail)) for kind, detail in events])

    def forward(self, event_name: str, payload: str, delivery: str) -> None:
        self._put([self._entry("github.com", event_name, payload, delivery)])

    def _entry(self, source: str, detail_type: str, detail: str, *resources: str) -> Entry:
        return {
            "EventBusName": self._name,
            "Source": source,
            "DetailType": detail_type,
            "Detail": detail,
            "Resources": resources,
        }

    def _put(self, entries: Sequence[Entry]) -> None:
        refused: list[str] = []
        for batch in _batches(entries):
            kinds = ", ".join(dict.fromkeys(entry["DetailType"] for entry in batch))
            with translated(f"putting {kinds} on the bus"):
                answer = self._client.put_events(Entries=batch)
            if answer["FailedEntryCount"]:
                told = zip(batch, answer["Entries"], strict=True)
                refused += [f"{entry['DetailType']}: {one['ErrorCode']}" for entry, one in told if "ErrorCode" in one]
        if refused:
            raise TransientUpstreamError(f"the bus refused {len(refused)} events: {'; '.join(refused[:_MOST_TOLD])}")


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        own_bytes = len(json.dumps(entry).encode())
        if batch and (len(batch) == _MOST_ENTRIES or size_bytes + own_bytes > _MOST_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(entry)
        size_bytes += own_bytes
    if batch:
        yield batch
