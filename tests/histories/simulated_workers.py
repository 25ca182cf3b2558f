"""A deployed stack's bus and queues, by the template, and the workers that may be cut off at what they take."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from dagbranch.errors import InvalidEventError, NotYetError, SourceError, SupersededError, UpstreamError, is_for_good
from dagbranch.queue_batches import backoff_seconds
from tests.fakes.event_patterns import Rule, matches
from tests.fakes.examples import Clock
from tests.fakes.faulty import Invocation, KilledError, Outages
from tests.fakes.template import ACCOUNT
from tests.histories.simulated_queues import Message, Queue, template_queues

# A function's name, its message, how long it may take, when it began, and what makes each of its effects one.
type Work = Callable[[str, str, timedelta, datetime, Invocation], None]


@dataclass
class AtWork:
    """A message at work: who has it, since when."""

    queue: Queue
    message: Message
    invocation: Invocation
    began_at: datetime


class SimulatedWorkers:
    """``worst``: the first error that no message may end in. ``published``: what went over the bus,
    ``told``: how each piece of work ended, for whoever looks into a failure; ``done``: how much work that was.
    """

    def __init__(self, rules: list[Rule], work: Work, clock: Clock, outages: Outages) -> None:
        self.rules = rules
        self.clock = clock
        self.outages = outages
        self.queues = template_queues()
        self.workers: list[AtWork] = []
        self.published: list[str] = []
        self.told: list[str] = []
        self.done: Counter[str] = Counter()
        self.worst: BaseException | None = None
        self._work = work
        self._ids = itertools.count(1)

    def kill_who_takes_too_long(self) -> None:
        """As Lambda does it."""
        for one in list(self.workers):
            if self.clock() - one.began_at > one.queue.timeout:
                self.kill(one)

    def put_event(self, source: str, detail_type: str, detail: object, resources: Iterable[str] = ()) -> None:
        """On the bus, and from there, by the template's rules, into queues."""
        event = {
            "version": "0",
            "id": f"event-{next(self._ids)}",
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": self.clock().isoformat(),
            "region": "eu-central-1",
            "resources": list(resources),
            "detail": detail,
        }
        self.published.append(detail_type)
        for rule in self.rules:
            if rule.is_default == (source == "aws.s3") and matches(rule.pattern, event):
                for queue in rule.queues:
                    self.queues[queue].put(json.dumps(event), self.clock())

    def begin(
        self, queue: Queue, message: Message, dies_at: int | None = None, *, before: bool = False
    ) -> AtWork | None:
        """A worker that has the message and stands before its first effect; None where it is given up instead."""
        if not queue.receive(message, self.clock()):
            return None
        work = partial(self._work, queue.function, message.body, queue.timeout, self.clock())
        worker = AtWork(queue, message, Invocation(work, self.outages, dies_at, before=before), self.clock())
        self.workers.append(worker)
        return worker

    def go_on(self, worker: AtWork, effects: int | None = None) -> None:
        worker.invocation.go_on(effects)
        if worker.invocation.is_over:
            self._end(worker)

    def kill(self, worker: AtWork) -> None:
        worker.invocation.kill()
        self._end(worker)

    def has_room(self, queue: Queue) -> bool:
        return sum(one.queue is queue for one in self.workers) < queue.most_workers

    def deliverable(self) -> list[tuple[Queue, Message]]:
        now = self.clock()
        return [(queue, one) for queue in self.queues.values() if self.has_room(queue) for one in queue.visible(now)]

    def work_off(self, most: int) -> int:
        """Delivers what is visible, one after the other, to its end; returns how many messages that were."""
        for count in range(most):
            waiting = self.deliverable()
            if not waiting:
                return count
            worker = self.begin(*waiting[0])
            if worker is not None:
                self.go_on(worker)
        return most

    def lost_bodies(self, queue: str) -> str:
        """What is among the dead letters, and nobody looked at."""
        return "".join(message.body for message in self.queues[queue].dead)

    def _end(self, worker: AtWork) -> None:
        """What the handler makes of it (``queue_batches``)."""
        self.workers.remove(worker)
        queue, message, error, now = worker.queue, worker.message, worker.invocation.error, self.clock()
        self.done.update({"deliveries": 1, "effects": worker.invocation.effects})
        self.done["killed"] += isinstance(error, KilledError)
        self.done["failed upstream"] += isinstance(error, UpstreamError)
        self.told.append(f"{now:%d %H:%M:%S} {queue.function} after {worker.invocation.effects} effects: {error!r}")
        match error:
            case KilledError():
                pass
            case None | SourceError() | SupersededError():
                queue.delete(message)
            case NotYetError():
                queue.bring_again(message, now, error.retry_seconds)
            case InvalidEventError():
                queue.give_up(message)
            case UpstreamError():
                if is_for_good(error) or queue.is_last(message):
                    queue.give_up(message)
                else:
                    message.visible_at = now + timedelta(seconds=backoff_seconds(message.receives))
            case _:
                self.worst = self.worst or error
                queue.give_up(message)
