"""Who may use an environment's schemas: the grants that are wanted, against those that are there.

Privileges: Databricks, *Unity Catalog privileges and securable objects*.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dagbranch.domain import statements
from dagbranch.domain.statements import Statement
from dagbranch.domain.warehouse_state import Grant

READ: Final = ("USE SCHEMA", "SELECT")
WRITE: Final = (*READ, "MODIFY", "CREATE TABLE")


@dataclass(frozen=True)
class Access:
    """By name, as the warehouse knows users, groups and service principals."""

    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()

    @property
    def grants(self) -> frozenset[Grant]:
        reading = {Grant(name, privilege) for name in self.readers for privilege in READ}
        return frozenset(reading | {Grant(name, privilege) for name in self.writers for privilege in WRITE})


def plan_access(
    schemas: Collection[str], access: Access, granted: Mapping[str, Collection[Grant]]
) -> tuple[Statement, ...]:
    """What gives and takes away until each schema's own grants are those of ``access``, one statement per principal."""
    return tuple(
        statement
        for schema in schemas
        for statement in (
            *_by_principal(statements.revoke, schema, frozenset(granted.get(schema, ())) - access.grants),
            *_by_principal(statements.grant, schema, access.grants - frozenset(granted.get(schema, ()))),
        )
    )


def _by_principal(
    build: Callable[[str, str, Sequence[str]], Statement], schema: str, grants: Collection[Grant]
) -> list[Statement]:
    privileges: dict[str, list[str]] = {}
    for grant in sorted(grants):
        privileges.setdefault(grant.principal, []).append(grant.privilege)
    return [build(schema, principal, found) for principal, found in privileges.items()]
