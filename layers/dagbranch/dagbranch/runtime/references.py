"""References from task to DAG: an environment's tasks trigger and wait for the environment's own DAGs."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from dagbranch.runtime.identity import Identity

_ATTRIBUTES = ("trigger_dag_id", "external_dag_id")
_log = logging.getLogger(__name__)


def follow_references(dags: Collection[Any], identity: Identity) -> None:
    """Points every reference that names a DAG of the environment to it; any other stays as it is."""
    for dag in dags:
        for task in dag.tasks:
            for attribute in _ATTRIBUTES:
                _follow(task, attribute, identity)


def _follow(task: Any, attribute: str, identity: Identity) -> None:
    partial = getattr(task, "partial_kwargs", None)
    if isinstance(partial, dict):
        _follow_key(partial, attribute, identity)
        _follow_expanded(getattr(getattr(task, "expand_input", None), "value", None), attribute, identity)
        return
    value = getattr(task, attribute, None)
    if not isinstance(value, str):
        return
    if "{{" in value:
        _log.warning("%s.%s: %s=%r cannot be known before it runs", task.dag_id, task.task_id, attribute, value)
    elif identity.follow(value) != value:
        setattr(task, attribute, identity.follow(value))


def _follow_expanded(expanded: Any, attribute: str, identity: Identity) -> None:
    """``expand`` has a dict of lists, ``expand_kwargs`` a list of dicts; what is an XCom is known at run time only."""
    if isinstance(expanded, dict):
        _follow_key(expanded, attribute, identity)
    elif isinstance(expanded, list):
        for arguments in expanded:
            if isinstance(arguments, dict):
                _follow_key(arguments, attribute, identity)


def _follow_key(values: dict[str, Any], key: str, identity: Identity) -> None:
    value = values.get(key)
    if isinstance(value, str):
        values[key] = identity.follow(value)
    elif isinstance(value, (list, tuple)):
        values[key] = type(value)(identity.follow(item) if isinstance(item, str) else item for item in value)
