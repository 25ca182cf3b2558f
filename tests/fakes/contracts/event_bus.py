"""What the event bus promises: the fake in memory and EventBridge alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dagbranch.domain.requests import EventKind, event_detail
from dagbranch.ports import EventBus
from tests.fakes.examples import NOW, an_environment

type Arrived = Callable[[], list[tuple[str, Any]]]
"""Detail-type and detail of everything that came off the bus, in order."""


class EventBusContract:
    def test_what_is_published_arrives_as_it_was(self, bus: EventBus, arrived: Arrived) -> None:
        detail = event_detail(an_environment(message="Ünïcode"), NOW, dag_ids=("a", "b"), schemas={})

        bus.publish(EventKind.READY, detail)

        ((kind, received),) = arrived()
        assert kind == "Ready"
        assert received == json.loads(json.dumps(detail))

    def test_all_that_is_published_at_once_arrives(self, bus: EventBus, arrived: Arrived) -> None:
        details = [event_detail(an_environment(pull_number=number), NOW) for number in (1, 2, 3)]

        bus.publish_all((EventKind.REMOVED, detail) for detail in details)

        assert sorted((kind, detail["pull_number"]) for kind, detail in arrived()) == [
            ("Removed", n) for n in (1, 2, 3)
        ]

    def test_what_is_no_json_is_an_error_of_ours(self, bus: EventBus) -> None:
        with pytest.raises(TypeError):
            bus.publish(EventKind.READY, {"at": NOW})
