"""The data of an environment → nothing of it is left in the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from dagbranch.domain.data_changes import check_no_seed_runs
from dagbranch.domain.data_plan import plan_removal
from dagbranch.domain.environments import Environment
from dagbranch.errors import NotYetError
from dagbranch.use_cases.removal_work import Places, note_removal

_ASK_AGAIN_SECONDS: Final = 3


def remove_data(environment: Environment, places: Places, clock: Callable[[], datetime]) -> dict[str, object]:
    """Drops the schemas that carry the marker, and tells which do not; where none was ever made, nothing is asked.

    A worker that fills a table is waited for: it stops by itself, and could make again what was dropped under it.
    """
    if not environment.schemas:
        return {"schemas_left_alone": []}
    newest = places.registry.get(environment.repository_id, environment.pull_number)
    assert newest is not None, "the registry lost the item under our leases"
    check_no_seed_runs(newest, clock())
    plan = plan_removal(
        places.warehouse.schemas(environment.schemas),
        environment=environment.claimed_name,
        repository=environment.repository,
        pull_number=environment.pull_number,
    )
    to_drop = [name for statement in plan.statements for name in statement.writes]
    if to_drop:
        # Noted first: the receipt has them even if this worker dies after the statement.
        note_removal(
            environment,
            places.registry,
            lambda noted: replace(noted, schemas=tuple(dict.fromkeys([*noted.schemas, *to_drop]))),
        )
        places.warehouse.run([plan.statements], plan.fence)
        left = set(places.warehouse.schemas(environment.schemas)) - set(plan.not_ours)
        if left:
            raise NotYetError(f"{', '.join(sorted(left))} are still there", retry_seconds=_ASK_AGAIN_SECONDS)
    return {"schemas_left_alone": list(plan.not_ours)}
