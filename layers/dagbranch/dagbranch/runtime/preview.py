"""How a lane runs what the code says: without schedules, backlog and mail, within limits that the lane sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dagbranch.runtime.configuration import Configuration

_SCHEDULE_ATTRIBUTES = ("timetable", "schedule", "schedule_interval")
_ASSET_TIMETABLES = ("AssetTriggeredTimetable", "DatasetTriggeredTimetable")
_TASK_CALLBACKS = tuple(f"on_{event}_callback" for event in ("failure", "retry", "success", "skipped", "execute"))
_DAG_CALLBACKS = ("on_failure_callback", "on_success_callback", "sla_miss_callback")
_MAIL_NOTIFIERS = ("airflow.providers.smtp.notifications.", "airflow.providers.amazon.aws.notifications.ses")


@dataclass(frozen=True, eq=False, repr=False)
class RunSettings:
    """What a lane changes of how DAGs and their tasks run; what is None or true stays as it is written.

    ``unpaused``: DAGs are not paused when Airflow first sees them, whatever the server does by itself.
    """

    unpaused: bool = True
    schedules: bool = True
    catchup: bool = True
    emails: bool = True
    max_active_runs: int | None = None
    max_active_tasks: int | None = None
    pool: str | None = None
    retries: int | None = None

    def limit_dag(self, dag: Any, unscheduled: Callable[[Any], Any]) -> None:
        """Changes a DAG as soon as it is made: its author's mistakes have shown, and its code reads what holds.

        ``unscheduled`` makes a DAG that nothing starts, or this timetable of assets alone.
        """
        if self.unpaused:
            dag.is_paused_upon_creation = False
        if not self.schedules and _is_valid(dag.timetable):
            _start_by_assets_alone(dag, unscheduled)
        if not (self.schedules and self.catchup):
            dag.catchup = False
        for name in ("max_active_runs", "max_active_tasks"):
            limit = getattr(self, name)
            if limit is not None:
                setattr(dag, name, min(limit, getattr(dag, name)))
        self._limit_arguments(dag.default_args)
        if not self.emails:
            for name in _DAG_CALLBACKS:
                _drop_mail(vars(dag), name)
            for event in ("failure", "success"):
                vars(dag)[f"has_on_{event}_callback"] = vars(dag).get(f"on_{event}_callback") is not None

    def limit_tasks(self, dag: Any) -> None:
        """Once all is made, since a task may be given its pool, retries or address in many ways."""
        for task in dag.tasks:
            partial = getattr(task, "partial_kwargs", None)
            if isinstance(partial, dict):
                self._limit_arguments(partial)
            else:
                self._limit_task(task)

    def _limit_task(self, task: Any) -> None:
        for name, value in self._task_values().items():
            setattr(task, name, value)
        if not self.emails:
            task.email = None
            callbacks = {name: value for name in _TASK_CALLBACKS if (value := getattr(task, name, None))}
            for name in list(callbacks):
                if _drop_mail(callbacks, name):
                    setattr(task, name, callbacks[name])

    def _limit_arguments(self, arguments: dict[str, Any]) -> None:
        """Those that a DAG or a mapped operator keeps for the tasks to come."""
        arguments.update(self._task_values())
        if not self.emails:
            if "email" in arguments:
                arguments["email"] = None
            for name in _TASK_CALLBACKS:
                _drop_mail(arguments, name)

    def _task_values(self) -> dict[str, Any]:
        return {name: value for name in ("pool", "retries") if (value := getattr(self, name)) is not None}


def run_settings(configuration: Configuration) -> RunSettings | None:
    """None where DAGs run as they are written. A preview is careful where the settings are silent."""
    if configuration.as_written:
        return None
    settings: Mapping[str, Any] = configuration.settings
    pool = settings.get("pool")
    return RunSettings(
        unpaused=configuration.rewrites_ids,
        schedules=configuration.schedules,
        catchup=bool(settings.get("catchup", not configuration.is_preview)),
        emails=bool(settings.get("emails", not configuration.is_preview)),
        max_active_runs=settings.get("max_active_runs", 1 if configuration.is_preview else None),
        max_active_tasks=settings.get("max_active_tasks"),
        pool=None if pool is None else str(pool).replace("{environment}", configuration.environment),
        retries=settings.get("retries"),
    )


def _start_by_assets_alone(dag: Any, unscheduled: Callable[[Any], Any]) -> None:
    """No time starts the DAG. Assets do: they are the environment's own, so only its own tasks make events of them."""
    timetable = dag.timetable
    of_assets = _asset_timetable(timetable)
    if of_assets is not None and getattr(timetable, "timetable", None) is None:
        return
    probe = vars(unscheduled(of_assets(_condition(timetable)) if of_assets else None))
    vars(dag).update({name: probe[name] for name in _SCHEDULE_ATTRIBUTES if name in probe})


def _asset_timetable(timetable: Any) -> Any:
    """Airflow's own class for assets alone where this one is of that kind; the newest has two: the code's, its own."""
    return next((base for base in type(timetable).__mro__ if base.__name__ in _ASSET_TIMETABLES), None)


def _condition(timetable: Any) -> Any:
    return getattr(timetable, "asset_condition", None) or timetable.dataset_condition


def _is_valid(timetable: Any) -> bool:
    """A schedule that Airflow is going to refuse is left for it to refuse: its author wants to know."""
    try:
        timetable.validate()
    except Exception:  # noqa: BLE001 - timetables are plug-ins and raise what they like
        return False
    return True


def _drop_mail(values: dict[str, Any], name: str) -> bool:
    """Takes the notifiers that send e-mails from a callback, or from a list of them; says whether there was any."""
    callbacks = values.get(name)
    found = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    kept = [callback for callback in found if not _sends_mail(callback)]
    if len(kept) == len(found):
        return False
    values[name] = kept or None
    return True


def _sends_mail(callback: Any) -> bool:
    return any(base.__module__.startswith(_MAIL_NOTIFIERS) for base in type(callback).__mro__)
