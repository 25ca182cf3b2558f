"""What a task's process needs of an environment: the module that owns its DAG, and what its references depend on."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from dagbranch.runtime import airflow_api
from dagbranch.runtime.identity import Identity
from dagbranch.runtime.references import unknown_references


def owner_of_wanted(zip_path: str, modules: Mapping[str, str]) -> str | None:
    """The DAG module that a task's process is about, by the stub that Airflow was given; None: it may be any.

    ``modules``: by stub. Only where Airflow says that the process is a task's: the file that it gives its DAG processor
    for a callback names a stub as well, and what comes of that is written to its database.
    """
    if airflow_api.wanted_dag_id() is None:
        return None
    folder, stub = os.path.split(airflow_api.given_file() or "")
    return modules.get(stub) if folder == zip_path else None


def has_wanted(dags: Iterable[Any]) -> bool:
    """Whether Airflow asks for one of these DAGs in particular: to run a task of it in this process."""
    wanted = airflow_api.wanted_dag_id()
    return wanted is not None and any(
        wanted in (dag.dag_id, *(child.dag_id for child in _children(dag))) for dag in dags
    )


def unknown_to_task(dags: Iterable[Any], identity: Identity) -> set[str]:
    """The ids that the wanted task names, and that no DAG so far has: what they mean may depend on other modules."""
    views = [SimpleNamespace(tasks=_wanted_tasks(dag)) for dag in dags]
    return {dag_id for view in views for dag_id in unknown_references(view, identity)}


def modules_that_name(ids: Collection[str], modules: Iterable[str], sources: Mapping[str, bytes]) -> list[str]:
    """The modules that have one of these ids as a text: where a DAG of that id is most likely made."""
    texts = [quote + dag_id.encode() + quote for dag_id in ids for quote in (b"'", b'"')]
    return [path for path in modules if any(text in sources[path] for text in texts)]


def _wanted_tasks(dag: Any) -> list[Any]:
    """The task itself; every task of the DAG where Airflow names the DAG alone; none of any other DAG."""
    if dag.dag_id != airflow_api.wanted_dag_id():
        return []
    task_id = airflow_api.wanted_task_id()
    return [task for task in dag.tasks if task_id in (None, task.task_id)]


def _children(dag: Any) -> Iterable[Any]:
    """SubDAGs, which Airflow 2 has and runs by their own ids."""
    subdags: Iterable[Any] = getattr(dag, "subdags", ())
    return subdags
