"""What all steps of a removal have in common: where they look, and the note of how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dagbranch.domain.environments import Environment, Removal
from dagbranch.ports import Airflow, ArtifactsBucket, DagsBucket, Registry, SourceBucket, Warehouse


@dataclass(frozen=True)
class Places:
    """Everywhere that something of an environment can be."""

    registry: Registry
    sources: SourceBucket
    dags: DagsBucket
    artifacts: ArtifactsBucket
    airflow: Airflow
    warehouse: Warehouse


def note_removal(environment: Environment, registry: Registry, change: Callable[[Removal], Removal]) -> Removal:
    """Changes the newest note, and returns it."""

    def noted(newest: Environment) -> Environment:
        return replace(newest, removal=change(removal_of(newest)))

    return removal_of(registry.update(environment, noted, event=""))


def removal_of(environment: Environment) -> Removal:
    assert environment.removal is not None, "the removal has begun"
    return environment.removal
