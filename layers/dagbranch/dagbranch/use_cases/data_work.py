"""What all work at an environment's data has in common: who does it, statements that break off, seeds to hand out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dagbranch.domain.data_history import broken_off
from dagbranch.domain.data_stack import DataStack
from dagbranch.domain.environments import Environment
from dagbranch.domain.fence import Fence
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.requests import SeedRequest
from dagbranch.domain.statements import Statement
from dagbranch.errors import UpstreamError
from dagbranch.ports import SeedQueue, Warehouse
from dagbranch.use_cases.deploy_half import Surroundings, Worker


@dataclass(frozen=True)
class Provisioner:
    """Who works at the data, and all that this reaches."""

    worker: Worker
    around: Surroundings
    warehouse: Warehouse
    stack: DataStack
    seeds: SeedQueue

    def run(self, environment: Environment, phases: Sequence[Sequence[Statement]], fence: Fence) -> None:
        """Runs them; where that breaks off, the history says how far it came."""
        if not phases:
            return
        try:
            self.warehouse.run(phases, fence)
        except UpstreamError as error:
            self.around.registry.update(environment, lambda newest: newest, event=broken_off(error))
            raise

    def hand_out(self, key: SourceArchiveKey, generation: int, tables: Iterable[str]) -> None:
        """A message for each table; one that comes twice finds that nothing is left to do."""
        for table in tables:
            self.seeds.request(SeedRequest(str(key), generation, table))
