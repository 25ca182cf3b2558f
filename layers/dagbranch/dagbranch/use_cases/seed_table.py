"""One table of an environment → its rows of the base, once, and on from where the last worker was cut off.

What is to be filled is told by the archive, the default branch and the stack, as for the whole environment; what is
filled already, by the table itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.data_changes import check_may_seed, seed_lease
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.fence import Fence
from dagbranch.domain.leases import without_lease
from dagbranch.domain.life_cycle import check_not_superseded, seeded
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.requests import EventKind, SeedRequest
from dagbranch.domain.seeds import Seed, remaining
from dagbranch.domain.statements import Statement
from dagbranch.errors import InvalidPipelineError, NotYetError, SourceError, SupersededError, UpstreamError
from dagbranch.use_cases.data_work import Provisioner
from dagbranch.use_cases.deploy_half import (
    Source,
    declared_data,
    fail,
    find_environment,
    leased,
    read_source,
    tell,
    told_schemas,
)
from dagbranch.use_cases.gather_data import gather_seed

_SPARE: Final = timedelta(seconds=30)  # for what is written at the end, and the longest answer of a warehouse
_GO_ON_SECONDS: Final = 1


def seed_table(request: SeedRequest, by: Provisioner) -> None:
    """Raises SupersededError where a newer request has come, NotYetError where the rest is for the next message."""
    deadline = _Deadline(by.around.clock(), by.worker.lease_seconds)
    key = SourceArchiveKey.parse(request.key)
    found = find_environment(key, by.worker, by.around)
    if found is None:
        raise SupersededError(f"{request.table} is of no environment")
    check_not_superseded(found, request.generation)
    if found.data is None or found.data.source_digest != key.source_digest:
        raise SupersededError(f"{request.table} is filled as another archive says")
    if request.table not in found.seeding:
        by.around.telemetry.info("filled already", table=request.table)
        _tell_if_last(found, read_source(key, by.worker, by.around), by)
        return
    lease = seed_lease(request.table)
    with leased(
        found, lease, by.worker, by.around, lambda newest: check_may_seed(newest, request.generation, by.around.clock())
    ) as environment:
        try:
            source = read_source(key, by.worker, by.around)
            _fill(environment, source, request.table, deadline, by)
        except (SourceError, UpstreamError) as error:
            _check_still_wanted(environment, by)
            fail(environment, lease, error, by.worker, by.around)
            return
        noted = by.around.registry.update(
            environment,
            lambda newest: without_lease(
                seeded(newest, request.generation, request.table, by.around.clock()), lease, by.worker.name
            ),
            event=f"filled {request.table}",
        )
    _tell_if_last(noted, source, by)


@dataclass
class _Deadline:
    """When this worker is killed, and whether there is time for another round like the longest so far."""

    began: datetime
    seconds: int
    longest: timedelta = timedelta(0)

    def allows_another(self, now: datetime) -> bool:
        return now + 2 * self.longest + _SPARE < self.began + timedelta(seconds=self.seconds)

    def note_round(self, took: timedelta) -> None:
        self.longest = max(self.longest, took)


def _fill(environment: Environment, source: Source, table: str, deadline: _Deadline, by: Provisioner) -> None:
    planned = _planned(environment, source, table, by)
    if planned is None:
        by.around.telemetry.info("its note says that it is filled", table=table)
        return
    seed, fence = planned
    for count, statement in enumerate(_rounds(seed, by)):
        _check_still_wanted(environment, by)
        if count and not deadline.allows_another(by.around.clock()):
            raise NotYetError(f"{table} goes on with the next message", retry_seconds=_GO_ON_SECONDS)
        _run_round(environment, statement, fence, deadline, by)
    # The note is last: until then a newer request with another condition fills the table anew.
    _check_still_wanted(environment, by)
    by.run(environment, [[seed.done]], fence)


def _planned(environment: Environment, source: Source, table: str, by: Provisioner) -> tuple[Seed, Fence] | None:
    """The seed as the archive has it, judged anew; None where the table's note says that it is done."""
    specification = declared_data(environment, source)
    if specification is None:
        raise InvalidPipelineError(f"{table} is to be filled, and the archive declares no data")
    gathered = gather_seed(environment, specification, source, table, by)
    schema, _, name = table.rpartition(".")
    if schema not in gathered.found or name not in gathered.found[schema].tables:
        raise UpstreamError(f"{table} is not there any more: ask for a reset of the environment's data")
    seed = next((one for one in gathered.plan.seeds if one.table == table), None)
    return None if seed is None else (seed, gathered.plan.fence)


def _rounds(seed: Seed, by: Provisioner) -> Iterator[Statement]:
    """All at once, or one partition after the other: tables that are files take no two writers at a time."""
    wanted = by.warehouse.partitions(seed.partitions) if seed.partition_columns else []
    if remaining(wanted, ()) is None:
        yield seed.statements[0]
        return
    rest = remaining(wanted, by.warehouse.partitions(seed.filled)) or []
    by.around.telemetry.info("goes partition by partition", table=seed.table, left=len(rest))
    yield from map(seed.fill, rest)


def _run_round(
    environment: Environment, statement: Statement, fence: Fence, deadline: _Deadline, by: Provisioner
) -> None:
    began = by.around.clock()
    by.run(environment, [[statement]], fence)
    deadline.note_round(by.around.clock() - began)


def _check_still_wanted(environment: Environment, by: Provisioner) -> None:
    newest = by.around.registry.get(environment.repository_id, environment.pull_number)
    assert newest is not None, "the registry lost the item under our lease"
    check_not_superseded(newest, environment.generation)


def _tell_if_last(noted: Environment, source: Source, by: Provisioner) -> None:
    """Whoever finds nothing left to fill says so; where a table was mended beside ready ones, there is no news."""
    if not noted.seeding and noted.status != Status.READY:
        schemas = told_schemas(noted, source)
        tell(EventKind.PROVISIONED, noted, by.around, schemas=schemas)
