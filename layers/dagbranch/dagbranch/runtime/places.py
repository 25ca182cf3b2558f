"""What the database is told of where files are: always the unpacked copy, whichever folder served this process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import PurePath
from typing import Any

# What Airflow serializes by itself from other sources, or what is no place for texts.
_NO_TEXTS = frozenset(
    {"fileloc", "relative_fileloc", "dag_id", "_dag_id", "task_id", "task_group", "_task_group", "timetable", "subdag"}
)
_BESIDE_THE_FIELDS = ("params", "partial_kwargs", "expand_input", "op_kwargs_expand_input")


def tell_place(dags: Iterable[Any], here: str, there: str) -> None:
    """Changes the path ``here`` to ``there`` in every text that Airflow serializes of these DAGs and their tasks.

    For processes that read DAG files for others: in this one, the texts may name files that are not there.
    """
    if here == there:
        return
    holders = [holder for dag in dags for holder in (dag, *dag.tasks)]
    # Code that asks for `Path(__file__).resolve()` has the other.
    for found, wanted in {here: there, os.path.realpath(here): os.path.realpath(there)}.items():
        for holder in holders:
            for name in _fields(holder):
                _tell_field(holder, name, found, wanted)


def told(value: Any, here: str, there: str) -> Any:
    """The value with every ``here`` in its texts replaced; the very same object where there is none."""
    if isinstance(value, str):
        return value.replace(here, there) if here in value else value
    if isinstance(value, PurePath):
        return type(value)(str(value).replace(here, there)) if here in str(value) else value
    if isinstance(value, dict):
        return _of_dict(value, here, there)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _of_items(value, here, there)
    if _holds_values(value):
        for name in ("value", "description", "schema"):
            _tell_field(value, name, here, there)
        return value
    if hasattr(value, "get_param"):
        for name in value:
            told(value.get_param(name), here, there)
    return value


def _of_dict(value: dict[Any, Any], here: str, there: str) -> dict[Any, Any]:
    items = {told(key, here, there): told(item, here, there) for key, item in value.items()}
    changed = any(
        key is not new_key or item is not new_item
        for (key, item), (new_key, new_item) in zip(value.items(), items.items(), strict=False)
    )
    if not changed:
        return value
    if type(value) is dict:
        return items
    value.clear()
    value.update(items)
    return value


def _of_items(value: Any, here: str, there: str) -> Any:
    items = [told(item, here, there) for item in value]
    if all(item is new for item, new in zip(value, items, strict=True)):
        return value
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def _holds_values(value: Any) -> bool:
    """A parameter of Airflow's, or what a mapped task is expanded over."""
    return hasattr(type(value), "EXPAND_INPUT_TYPE") or (hasattr(value, "schema") and hasattr(value, "resolve"))


def _fields(holder: Any) -> list[str]:
    fields = {*holder.get_serialized_fields(), *getattr(holder, "template_fields", ()), *_BESIDE_THE_FIELDS}
    return sorted(fields - _NO_TEXTS)


def _tell_field(holder: Any, name: str, here: str, there: str) -> None:
    value = getattr(holder, name, None)
    new = told(value, here, there)
    if new is value:
        return
    own: Mapping[str, Any] = getattr(holder, "__dict__", {})
    if name in own:
        # Past the operators' own __setattr__, which would make their dependencies anew.
        vars(holder)[name] = new
    else:
        with suppress(AttributeError):
            setattr(holder, name, new)
