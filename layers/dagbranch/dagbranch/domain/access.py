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


@dataclass(frozen=True)
class AccessPlan:
    """One statement per schema and principal. What is taken goes before what is given: who has lost, sees no more."""

    revokes: tuple[Statement, ...] = ()
    grants: tuple[Statement, ...] = ()


def plan_access(schemas: Collection[str], access: Access, granted: Mapping[str, Collection[Grant]]) -> AccessPlan:
    """What brings each schema's own grants to those of ``access``. Names differ in more than their case."""
    revokes: list[Statement] = []
    grants: list[Statement] = []
    for schema in schemas:
        stands, wanted = _by_key(granted.get(schema, ())), _by_key(access.grants)
        revokes += _by_principal(statements.revoke, schema, _without(stands, wanted))
        grants += _by_principal(statements.grant, schema, _without(wanted, stands))
    return AccessPlan(tuple(revokes), tuple(grants))


def _by_key(grants: Collection[Grant]) -> dict[tuple[str, str], Grant]:
    return {(grant.principal.casefold(), grant.privilege.upper()): grant for grant in sorted(grants)}


def _without[K](some: Mapping[K, Grant], others: Mapping[K, Grant]) -> list[Grant]:
    return [grant for key, grant in some.items() if key not in others]


def _by_principal(
    build: Callable[[str, str, Sequence[str]], Statement], schema: str, grants: Collection[Grant]
) -> list[Statement]:
    privileges: dict[str, list[str]] = {}
    for grant in sorted(grants):
        privileges.setdefault(grant.principal, []).append(grant.privilege)
    return [build(schema, principal, found) for principal, found in privileges.items()]
