"""References from task to DAG: an environment's tasks trigger and wait for the environment's own DAGs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from typing import Any

from dagbranch.runtime.airflow_api import wanted_dag_id
from dagbranch.runtime.identity import Identity

# TriggerDagRunOperator has the first; ExternalTaskSensor, its children and ExternalTaskMarker have the second. The
# triggers they defer to and the links they show take the ids from them, in 2.10 to 3.3.
_ATTRIBUTES = ("trigger_dag_id", "external_dag_id")
# Amazon's MwaaTriggerDagRunOperator and MwaaDagRunSensor name DAGs of another Airflow by the same attributes.
_ANOTHER_AIRFLOW = "external_env_name"

_log = logging.getLogger(__name__)
_told: set[tuple[str, str, str, str]] = set()


def follow_references(dags: Collection[Any], identity: Identity) -> None:
    """Points every reference that names a DAG of the environment to it; any other stays as it is."""
    for dag in dags:
        for task, attribute, value in _references(dag):
            if not _is_literal(value):
                _tell(task, attribute, value, "cannot be known before it runs")
        for task in dag.tasks:
            if not _is_elsewhere(task):
                _rewrite(task, identity.follow)


def unknown_references(dag: Any, identity: Identity) -> frozenset[str]:
    """The ids that tasks of this DAG name and that are none of the DAGs that the environment has made so far."""
    return frozenset(value for _, _, value in _references(dag) if _is_literal(value) and not identity.has(value))


def _references(dag: Any) -> Iterator[tuple[Any, str, Any]]:
    for task in dag.tasks:
        if _is_elsewhere(task):
            continue
        for attribute in _ATTRIBUTES:
            for value in _values(task, attribute):
                yield task, attribute, value


def _values(task: Any, attribute: str) -> Iterator[Any]:
    """What a task has there, or what each task that a mapped one becomes will have."""
    partial = getattr(task, "partial_kwargs", None)
    if not isinstance(partial, dict):
        if (value := getattr(task, attribute, None)) is not None:
            yield value
        return
    for arguments in (partial, *_expanded(task)):
        value = arguments.get(attribute)
        if isinstance(value, (list, tuple)):
            yield from value
        elif value is not None:
            yield value


def _rewrite(task: Any, follow: Callable[[str], str]) -> None:
    partial = getattr(task, "partial_kwargs", None)
    for attribute in _ATTRIBUTES:
        if isinstance(partial, dict):
            for arguments in (partial, *_expanded(task)):
                if attribute in arguments:
                    arguments[attribute] = _followed(arguments[attribute], follow)
            continue
        value = getattr(task, attribute, None)
        if isinstance(value, str) and follow(value) != value:
            _set(task, attribute, follow(value))


def _expanded(task: Any) -> list[dict[str, Any]]:
    """``expand`` has a dict of lists, ``expand_kwargs`` a list of dicts; what is an XCom is known at run time only."""
    value = getattr(getattr(task, "expand_input", None), "value", None)
    return [arguments for arguments in (value if isinstance(value, list) else [value]) if isinstance(arguments, dict)]


def _followed(value: Any, follow: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return follow(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_followed(item, follow) for item in value)
    return value


def _set(task: Any, attribute: str, value: str) -> None:
    try:
        setattr(task, attribute, value)
    except AttributeError:
        _tell(task, attribute, getattr(task, attribute), "is a property")


def _is_literal(value: Any) -> bool:
    return isinstance(value, str) and "{{" not in value and "{%" not in value


def _is_elsewhere(task: Any) -> bool:
    return hasattr(task, _ANOTHER_AIRFLOW) or _ANOTHER_AIRFLOW in (getattr(task, "partial_kwargs", None) or {})


def _tell(task: Any, attribute: str, value: Any, why: str) -> None:
    """Once in a process that reads DAG files; a task's own log is no place for it."""
    told = (task.dag_id, task.task_id, attribute, str(value))
    if wanted_dag_id() is None and told not in _told:
        _told.add(told)
        _log.warning("%s.%s: %s=%r %s: it is not pointed to the environment's own DAG", *told, why)
