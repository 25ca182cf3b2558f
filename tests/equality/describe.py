"""What a DAG is besides its serialized form, as JSON: classes, callables, callbacks, search path, every attribute.

Runs in Airflow's Python. Nothing in it is a memory address or depends on the order of a set.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import inspect
import logging
import re
import types
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

_DEEPEST = 7
_SCALARS = (str, int, float, bool, type(None))
_TEXTS = (dt.date, dt.time, dt.timedelta, dt.tzinfo, PurePath, re.Pattern)
# Made anew by each process, or told elsewhere.
_NOISE = frozenset(
    {"last_loaded", "task_dict", "_task_group", "task_group", "_log", "_logger", "_lock", "dag", "_dag"}
    # The decorator that made an asset: what it made is described.
    | {"_source"}
)
_OPERATOR_BASES = frozenset({"BaseOperator", "MappedOperator", "AbstractOperator"})
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def describe_dag(dag: Any) -> dict[str, Any]:
    return {
        "class": _class_of(dag),
        "search": _searchpath(dag),
        "attributes": _attributes(dag, ()),
        "tasks": {task.task_id: _describe_task(task) for task in dag.tasks},
    }


def _describe_task(task: Any) -> dict[str, Any]:
    return {
        "class": _class_of(task),
        "template_fields": describe(getattr(task, "template_fields", None), ()),
        "template_ext": describe(getattr(task, "template_ext", None), ()),
        "attributes": _attributes(task, ()),
    }


def _searchpath(dag: Any) -> list[str]:
    """Where Jinja looks for templates; none for a loader of the DAG's own."""
    return [str(entry) for entry in getattr(dag.get_template_env().loader, "searchpath", [])]


def describe(value: Any, above: tuple[int, ...]) -> Any:  # noqa: C901, PLR0911 - one line per kind of value
    """``above``: the ``id()`` of the objects that hold this one."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, _TEXTS):
        return f"{type(value).__name__} {value}"
    if id(value) in above or len(above) > _DEEPEST:
        return f"<{type(value).__qualname__}>"
    above = (*above, id(value))
    if isinstance(value, Mapping):
        return {str(key): describe(item, above) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(item, above) for item in value]
    if isinstance(value, (set, frozenset)):
        return {"set": [describe(item, above) for item in value]}
    if isinstance(value, (logging.Logger, types.ModuleType)) or type(value).__module__.startswith("structlog"):
        return f"<{type(value).__qualname__}>"
    if isinstance(value, functools.partial):
        return {"partial": describe(value.func, above), "of": describe([*value.args, value.keywords], above)}
    if callable(value) and hasattr(value, "__qualname__"):
        return _describe_callable(value, above)
    return _reference(value) or {"class": _class_of(value), **_attributes(value, above)}


def _describe_callable(value: Any, above: tuple[int, ...]) -> dict[str, Any]:
    """Functions, methods and classes: where they are from, their text, and what they have closed over."""
    code = getattr(value, "__code__", None)
    return {
        "callable": f"{getattr(value, '__module__', '')}.{value.__qualname__}",
        "file": getattr(code, "co_filename", None),
        "line": getattr(code, "co_firstlineno", None),
        "source": _source_of(value) if code is not None else None,
        "defaults": describe([getattr(value, "__defaults__", None), getattr(value, "__kwdefaults__", None)], above),
        "closure": [_cell(cell, above) for cell in getattr(value, "__closure__", None) or ()],
    }


def _cell(cell: Any, above: tuple[int, ...]) -> Any:
    try:
        return describe(cell.cell_contents, above)
    except ValueError:
        return "<empty>"


def _source_of(value: Any) -> str:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


def _reference(value: Any) -> dict[str, Any] | None:
    """Other DAGs, tasks and groups by what they are called: each task is described once, by itself."""
    bases = {base.__name__ for base in type(value).__mro__}
    if "DAG" in bases:
        return {"dag": value.dag_id}
    if bases & _OPERATOR_BASES:
        return {"task": getattr(value, "task_id", None), "class": _class_of(value)}
    if "TaskGroup" in bases:
        return {"group": value.group_id}
    return None


def _attributes(value: Any, above: tuple[int, ...]) -> dict[str, Any]:
    return {
        name: describe(item, (*above, id(value)))
        for name, item in sorted(_named(value))
        if name.lower() not in _NOISE and not name.endswith("__log")
    } or {"repr": _ADDRESS.sub("", repr(value))}


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    found = dict(getattr(value, "__dict__", {}))
    for base in type(value).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in {"__weakref__", "__dict__"} and hasattr(value, name):
                found.setdefault(name, getattr(value, name))
    yield from found.items()


def _class_of(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
