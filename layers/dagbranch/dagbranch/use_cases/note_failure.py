"""A failure that somebody has to mend: noted in the registry, told on the bus, logged and counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dagbranch.domain.environments import Environment
from dagbranch.domain.life_cycle import failed
from dagbranch.domain.requests import EventKind, event_detail
from dagbranch.ports import EventBus, Registry, Telemetry


def note_failure(
    environment: Environment,
    what: str,
    reason: str,
    *,
    registry: Registry,
    bus: EventBus,
    telemetry: Telemetry,
    now: datetime,
    settle: Callable[[Environment], Environment] = lambda noted: noted,
    in_airflow: bool = False,
    **data: object,
) -> None:
    """``settle``: what else the same write changes in the record; ``data``: what else is told on the bus.

    ``in_airflow``: all of it stands, and may be found ready later.

    Raises SupersededError where a newer request has come meanwhile.
    """
    noted = registry.update(
        environment,
        lambda newest: settle(failed(newest, environment.generation, reason, now, in_airflow=in_airflow)),
        event=what,
    )
    bus.publish(EventKind.FAILED, event_detail(noted, now, **data))
    telemetry.warning(what, reason=reason)
    telemetry.count("EnvironmentFailed")
