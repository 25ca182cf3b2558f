"""SubDAGs, which Airflow 2 still has: a child's id has to stay its parent's with the task's name behind it."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from dagbranch.runtime.airflow_api import dag_context, first_of
from dagbranch.runtime.identity import Identity


@contextmanager
def children_named_after_parents(sources: Collection[bytes], identity: Identity) -> Iterator[None]:
    """Where any source speaks of subdags; for the rest the import would be wasted."""
    operator = _operator() if any(b"subdag" in source.lower() for source in sources) else None
    if operator is None:
        yield
        return
    original = operator.__init__

    @functools.wraps(original)
    def init(task: Any, *args: Any, **kwargs: Any) -> None:
        _name(kwargs.get("subdag"), kwargs.get("dag") or dag_context().get_current_dag(), kwargs, identity)
        original(task, *args, **kwargs)

    # By what it wraps, Airflow knows the constructor that is the outermost: its own stays that.
    vars(init).update(vars(original))
    operator.__init__ = init
    try:
        yield
    finally:
        operator.__init__ = original


def _name(child: Any, parent: Any, kwargs: dict[str, Any], identity: Identity) -> None:
    if child is None or parent is None:
        return
    wanted = f"{parent.dag_id}.{kwargs.get('task_id')}"
    as_written = f"{identity.written(parent.dag_id)}.{kwargs.get('task_id')}"
    if child.dag_id == identity.follow(as_written):
        child.dag_id = wanted


def _operator() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return first_of(("airflow.operators.subdag", "SubDagOperator"))
