"""The data of an environment → nothing of it is left in the warehouse."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dagbranch.domain.data_changes import check_no_seed_runs
from dagbranch.domain.data_plan import plan_removal
from dagbranch.domain.environments import Environment
from dagbranch.errors import NotYetError
from dagbranch.use_cases.removal_work import RemovalWork

_ASK_AGAIN_SECONDS: Final = 3


def remove_data(environment: Environment, work: RemovalWork) -> list[str]:
    """Drops the schemas that carry the marker, and tells which do not; where none was ever made, nothing is asked.

    A worker that fills a table is waited for: it stops by itself, and could make again what was dropped under it.
    """
    if not environment.schemas:
        return []
    registry, warehouse = work.places.registry, work.places.warehouse
    newest = registry.get(environment.repository_id, environment.pull_number)
    assert newest is not None, "the registry lost the item under our leases"
    check_no_seed_runs(newest, work.clock())
    plan = plan_removal(
        warehouse.schemas(environment.schemas),
        environment=environment.claimed_name,
        repository=environment.repository,
        pull_number=environment.pull_number,
        lane=environment.lane,
    )
    to_drop = [name for statement in plan.statements for name in statement.writes]
    if to_drop:
        # Noted first: the receipt has them even if this worker dies after the statement.
        work.note(
            environment,
            lambda noted: replace(noted, schemas=tuple(dict.fromkeys([*noted.schemas, *to_drop]))),
            f"dropping {', '.join(to_drop)}",
        )
        warehouse.run([plan.statements], plan.fence)
        left = set(warehouse.schemas(environment.schemas)) - set(plan.not_ours)
        if left:
            raise NotYetError(f"{', '.join(sorted(left))} are still there", retry_seconds=_ASK_AGAIN_SECONDS)
    return list(plan.not_ours)
