"""The template's queues in memory: messages wait, are hidden while somebody has them, and end as dead letters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.fakes.template import RESOURCES

_LONGEST_DELAY_SECONDS = 900


@dataclass
class Message:
    number: int
    body: str
    visible_at: datetime
    receives: int = 0


@dataclass
class Queue:
    """``function``: who works it off, within ``timeout``, and as ``most_workers`` at most."""

    name: str
    function: str
    timeout: timedelta
    most_workers: int
    visibility: timedelta
    most_receives: int
    messages: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def put(self, body: str, at: datetime) -> None:
        self.messages.append(Message(next(self._numbers), body, at))

    def bring_again(self, message: Message, now: datetime, seconds: int) -> None:
        """As a message of its own, as a handler does it whose work has to wait."""
        self.put(message.body, now + timedelta(seconds=min(seconds, _LONGEST_DELAY_SECONDS)))
        self.delete(message)

    def visible(self, now: datetime) -> list[Message]:
        return [message for message in self.messages if message.visible_at <= now]

    def receive(self, message: Message, now: datetime) -> bool:
        """Whether it is still delivered: after too many times it is a dead letter."""
        if message.receives >= self.most_receives:
            self.give_up(message)
            return False
        message.receives += 1
        message.visible_at = now + self.visibility
        return True

    def is_last(self, message: Message) -> bool:
        return message.receives >= self.most_receives

    def delete(self, message: Message) -> None:
        """Once more is once: at-least-once delivery may have had it deleted before."""
        if message in self.messages:
            self.messages.remove(message)

    def give_up(self, message: Message) -> None:
        self.delete(message)
        self.dead.append(message)


def template_queues() -> dict[str, Queue]:
    """By logical id, each with the function that the template has it worked off by."""
    mappings = [one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::Lambda::EventSourceMapping"]
    return {queue.name: queue for queue in map(_queue, mappings)}


def _queue(mapping: dict[str, dict[str, str]]) -> Queue:
    name = mapping["EventSourceArn"]["Fn::GetAtt"].removesuffix(".Arn")
    function = mapping["FunctionName"]["Ref"]
    properties, at_work = RESOURCES[name]["Properties"], RESOURCES[function]["Properties"]
    return Queue(
        name,
        function,
        timedelta(seconds=at_work["Timeout"]),
        int(mapping["ScalingConfig"]["MaximumConcurrency"]),
        timedelta(seconds=properties["VisibilityTimeout"]),
        properties["RedrivePolicy"]["maxReceiveCount"],
    )
