"""What the queue of seeds promises: the fake in memory and SQS alike."""

from __future__ import annotations

from collections.abc import Callable

from dagbranch.domain.requests import SeedRequest
from dagbranch.events import data_work
from dagbranch.ports import SeedQueue

type Bodies = Callable[[], list[str]]
"""The messages that came through the queue."""


class SeedQueueContract:
    def test_a_seed_comes_back_as_it_was_asked_for(self, seeds: SeedQueue, bodies: Bodies) -> None:
        asked = SeedRequest("sources/acme/pipelines/pull/1/ü.zip", 3, "marketing.db_feature1.m_roi")

        seeds.request(asked)

        (body,) = bodies()
        assert data_work(body, "preview") == asked
