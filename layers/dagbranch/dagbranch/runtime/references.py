"""References from task to DAG: an environment's tasks trigger and wait for the environment's own DAGs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from typing import Any

from dagbranch.runtime.identity import Identity

# TriggerDagRunOperator has the first; ExternalTaskSensor, its children and ExternalTaskMarker have the second. The
# triggers they defer to and the links they show take the ids from them, in 2.10 to 3.3.
_ATTRIBUTES = frozenset({"trigger_dag_id", "external_dag_id"})
# Amazon's MwaaTriggerDagRunOperator and MwaaDagRunSensor name DAGs of another Airflow by the same attributes.
_ANOTHER_AIRFLOW = "external_env_name"

# Of what is logged: DAG, task, attribute, value, why.
_Told = tuple[str, str, str, str, str]

_log = logging.getLogger(__name__)
_told: set[_Told] = set()


def follow_references(dags: Collection[Any], identity: Identity, *, tells: bool = True) -> None:
    """Points every reference that names a DAG of the environment to it; any other stays as it is.

    With ``tells``, one that cannot be pointed anywhere is logged, once in a process: not in each task's own log.
    """
    for dag in dags:
        found = [_not_known(*reference) for reference in _references(dag) if not _is_literal(reference[2])]
        for task in dag.tasks:
            if not _is_elsewhere(task):
                found += _rewrite(task, identity.follow)
        for told in found if tells else ():
            if told not in _told:
                _told.add(told)
                _log.warning("%s.%s: %s=%r %s: it is not pointed to the environment's own DAG", *told)


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


def _rewrite(task: Any, follow: Callable[[str], str]) -> list[_Told]:
    """Gives back those that could not be set."""
    partial = getattr(task, "partial_kwargs", None)
    if isinstance(partial, dict):
        for arguments in (partial, *_expanded(task)):
            for attribute in _ATTRIBUTES & arguments.keys():
                arguments[attribute] = _followed(arguments[attribute], follow)
        return []
    return [told for attribute in sorted(_ATTRIBUTES) if (told := _set(task, attribute, follow)) is not None]


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


def _set(task: Any, attribute: str, follow: Callable[[str], str]) -> _Told | None:
    value = getattr(task, attribute, None)
    if isinstance(value, str) and follow(value) != value:
        try:
            setattr(task, attribute, follow(value))
        except AttributeError:
            return (task.dag_id, task.task_id, attribute, value, "is a property")
    return None


def _not_known(task: Any, attribute: str, value: Any) -> _Told:
    return (task.dag_id, task.task_id, attribute, str(value), "cannot be known before it runs")


def _is_literal(value: Any) -> bool:
    return isinstance(value, str) and "{{" not in value and "{%" not in value


def _is_elsewhere(task: Any) -> bool:
    return hasattr(task, _ANOTHER_AIRFLOW) or _ANOTHER_AIRFLOW in (getattr(task, "partial_kwargs", None) or {})
