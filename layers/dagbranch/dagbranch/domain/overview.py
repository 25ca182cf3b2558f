"""What is told of an environment on its pull request: its DAGs, its data, and what differs from the base branch.

Gathered where it is known (intake, packaging, provisioning, verification), kept in the record, bounded in size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SchemaOverview:
    """One schema of the environment, by its full name; ``tables`` are its outputs, ``seeded`` those with rows."""

    name: str
    source: str  # the base's schema that its views show
    views: int
    tables: tuple[str, ...]
    seeded: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()  # views with masked columns


@dataclass(frozen=True)
class BaseChanges:
    """What the commit changes against the commit from which its pull request departed.

    Paths of DAG modules in the repository; a module counts as changed with the modules and files that it uses.
    ``new_outputs``: tables that this commit's ``dagbranch.yaml`` writes and the base's does not.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    new_outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Overview:
    """``modules``: the repository's path of the module that each listed DAG is defined in, by DAG id."""

    changes: BaseChanges | None = None
    schemas: tuple[SchemaOverview, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
