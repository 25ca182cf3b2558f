"""A queue of seeds that keeps what it was asked for."""

from __future__ import annotations

from dagbranch.domain.requests import SeedRequest


class InMemorySeedQueue:
    def __init__(self) -> None:
        self.waiting: list[SeedRequest] = []

    def request(self, seed: SeedRequest) -> None:
        self.waiting.append(seed)
