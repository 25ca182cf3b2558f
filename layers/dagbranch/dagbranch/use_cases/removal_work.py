"""What all steps of a removal have in common: who does it, where it looks, and the note of how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dagbranch.domain.environments import Environment, Removal
from dagbranch.domain.policy import Policy
from dagbranch.domain.removal import in_words
from dagbranch.domain.time_left import TimeLeft
from dagbranch.ports import Airflow, ArtifactsBucket, DagsBucket, EventBus, Registry, SourceBucket, Telemetry, Warehouse


@dataclass(frozen=True)
class Remover:
    """``settle``: how long after a zip's removal a DAG of it that nobody has seen may still turn up in Airflow."""

    lane: str
    name: str
    lease_seconds: int
    allowed_repositories: frozenset[str]  # lower case
    settle: timedelta
    policy: Policy


@dataclass(frozen=True)
class Places:
    """Everywhere that something of an environment can be."""

    registry: Registry
    sources: SourceBucket
    dags: DagsBucket
    artifacts: ArtifactsBucket
    airflow: Airflow
    warehouse: Warehouse


@dataclass(frozen=True)
class RemovalWork:
    remover: Remover
    places: Places
    bus: EventBus
    telemetry: Telemetry
    clock: Callable[[], datetime]
    time_left: TimeLeft

    def note(self, environment: Environment, change: Callable[[Removal], Removal], event: str = "") -> Removal:
        """Changes the newest note, and returns it; ``event`` is its line in the history, where there is news."""

        def noted(newest: Environment) -> Environment:
            removal = change(removal_of(newest))
            return replace(newest, removal=removal, message=in_words(removal), updated_at=self.clock())

        return removal_of(self.places.registry.update(environment, noted, event))


def removal_of(environment: Environment) -> Removal:
    assert environment.removal is not None, "the removal has begun"
    return environment.removal
