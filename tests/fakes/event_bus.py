"""An event bus that keeps what was put on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


class InMemoryEventBus:
    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.forwarded: list[tuple[str, str, str]] = []

    def publish(self, detail_type: str, detail: Mapping[str, object]) -> None:
        # As it would arrive: what is no JSON fails here, too.
        self.published.append((str(detail_type), json.loads(json.dumps(detail))))

    def publish_all(self, events: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        for detail_type, detail in events:
            self.publish(detail_type, detail)

    def forward(self, event_name: str, payload: str, delivery: str) -> None:
        self.forwarded.append((event_name, payload, delivery))

    @property
    def beside_reports(self) -> list[tuple[str, dict[str, Any]]]:
        """All but the requests to tell on the pull request what is on record."""
        return [(kind, detail) for kind, detail in self.published if kind != "Report Requested"]

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.published]
