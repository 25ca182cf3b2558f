"""A queue of seeds that keeps what it was asked for."""

from __future__ import annotations

import json
from dataclasses import asdict

from dagbranch.domain.requests import SeedRequest


class InMemorySeedQueue:
    def __init__(self) -> None:
        self.waiting: list[SeedRequest] = []

    def request(self, seed: SeedRequest) -> None:
        self.waiting.append(seed)

    def bodies(self) -> list[str]:
        """As they would come through the queue."""
        return [json.dumps({"seed": asdict(seed)}) for seed in self.waiting]
