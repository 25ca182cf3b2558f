"""Telemetry that keeps what it was told."""

from __future__ import annotations


class InMemoryTelemetry:
    def __init__(self) -> None:
        self.keys: dict[str, object] = {}
        self.lines: list[tuple[str, dict[str, object]]] = []
        self.counted: list[str] = []
        self.timed: dict[str, float] = {}

    def about(self, **keys: object) -> None:
        self.keys |= keys

    def info(self, message: str, **data: object) -> None:
        self.lines.append((message, data))

    def warning(self, message: str, **data: object) -> None:
        self.lines.append((message, data))

    def count(self, name: str) -> None:
        self.counted.append(name)

    def seconds(self, name: str, value: float) -> None:
        self.timed[name] = value
