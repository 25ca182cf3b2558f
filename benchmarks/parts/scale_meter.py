"""What work asks of its surroundings: requests by upstream and operation, units of DynamoDB, time of its own."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import boto3

_WRITE_UNIT_BYTES: Final = 1024
_READ_UNIT_BYTES: Final = 4096
_TRANSACTION: Final = 2  # a transaction's writes cost twice
_INDEX: Final = frozenset({"lane", "pull"})  # an item that has both is in the index as well, whole


@dataclass
class Tally:
    """``requests`` by ``upstream operation``; ``seconds`` and ``invocations`` by function; ``events`` on the bus.

    ``cpu_seconds``: the processor time of the work alone, without that of the doubles that ran in its process.
    """

    requests: Counter[str] = field(default_factory=Counter)
    read_units: float = 0
    write_units: float = 0
    events: int = 0
    invocations: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: float = 0

    def of(self, upstream: str) -> int:
        return sum(count for name, count in self.requests.items() if name.partition(" ")[0] == upstream)

    @property
    def upstreams(self) -> list[str]:
        return sorted({name.partition(" ")[0] for name in self.requests})

    @property
    def all_seconds(self) -> float:
        return sum(self.seconds.values())


class Meter:
    """Watches every client of a boto3 session, and is told of the rest. Work may run in threads."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.put_events: list[Mapping[str, Any]] = []
        self._lock = threading.Lock()
        self._doubles_seconds = 0.0
        self._thread = threading.local()

    def watch(self, session: boto3.Session) -> None:
        events = session.events
        events.register_first("before-send", self._sent)
        events.register("before-parse", self._answered)
        events.register("before-parameter-build.dynamodb", _remember)
        events.register("after-call.dynamodb", self._consumed)
        events.register("before-parameter-build.eventbridge", self._put)

    def count(self, request: str, times: int = 1) -> None:
        with self._lock:
            self.tally.requests[request] += times

    @contextmanager
    def outside(self) -> Iterator[None]:
        """What runs meanwhile is a double's work."""
        started = time.thread_time()
        try:
            yield
        finally:
            with self._lock:
                self._doubles_seconds += time.thread_time() - started

    @contextmanager
    def invocation(self, function: str) -> Iterator[None]:
        """One message that a function is given."""
        started, cpu, doubles = time.perf_counter(), time.process_time(), self._doubles_seconds
        try:
            yield
        finally:
            tally = self.tally
            tally.invocations[function] += 1
            tally.seconds[function] = tally.seconds.get(function, 0) + time.perf_counter() - started
            tally.cpu_seconds += time.process_time() - cpu - (self._doubles_seconds - doubles)

    def _sent(self, event_name: str, **_: object) -> None:
        service, operation = event_name.split(".")[1:]
        self.count(f"{_UPSTREAMS.get(service, service)} {operation}")
        self._thread.sent_at = time.thread_time()

    def _answered(self, **_: object) -> None:
        with self._lock:
            self._doubles_seconds += time.thread_time() - self._thread.sent_at

    def _consumed(self, parsed: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        with self.outside():
            read, written = units(context["sent"], parsed)
        with self._lock:
            self.tally.read_units += read
            self.tally.write_units += written

    def _put(self, params: Mapping[str, Any], **_: object) -> None:
        with self._lock:
            self.tally.events += len(params["Entries"])
            self.put_events.extend(params["Entries"])


_UPSTREAMS: Final = {"s3": "S3", "dynamodb": "DynamoDB", "eventbridge": "EventBridge", "sqs": "SQS"}


def _remember(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    context["sent"] = params


def units(sent: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[float, float]:
    """The read and the write request units of one request in on-demand mode, by the sizes of its items.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
    """
    if "TransactItems" in sent:
        return 0, sum(_TRANSACTION * _written(step) + _indexed(step) for step in sent["TransactItems"])
    if "KeyConditionExpression" in sent or ("Key" in sent and "UpdateExpression" not in sent and "Item" in answer):
        items = answer.get("Items", [answer["Item"]] if "Item" in answer else [])
        read = max(1, math.ceil(sum(map(item_bytes, items)) / _READ_UNIT_BYTES))
        return read if sent.get("ConsistentRead") else read / 2, 0
    if "Item" in sent:
        return 0, _written({"Put": sent}) + _indexed({"Put": sent})
    if "UpdateExpression" in sent or "ConditionExpression" in sent:
        return 0, 1  # a small item of ours: a lease, a note
    return 1 if sent.get("ConsistentRead") else 0.5, 0  # nothing was there


def item_bytes(item: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _written(step: Mapping[str, Any]) -> int:
    """What a delete costs is told by the size of what it deletes: a claim, which has far less than a unit."""
    return max(1, math.ceil(item_bytes(step["Put"]["Item"]) / _WRITE_UNIT_BYTES)) if "Put" in step else 1


def _indexed(step: Mapping[str, Any]) -> int:
    """The index is written without a transaction, and its keys do not change."""
    return _written(step) if "Put" in step and step["Put"]["Item"].keys() >= _INDEX else 0


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content) // 2 + 2
        case "L":
            return 3 + sum(1 + _value_bytes(one) for one in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(one) for name, one in content.items())
        case "SS":
            return sum(len(one.encode()) for one in content)
    return 1
