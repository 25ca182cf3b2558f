"""Run by an Airflow's own Python: loads files as its dag processor does, and prints what came of it as JSON.

Arguments: JSON, a list of steps; each is ``{"load": file}``, ``{"run": [file, dag_id, task_id]}``,
``{"copy": [from, to]}``, ``{"set": {variable: value}}`` or ``{"leftovers": true}``. The answer has one entry per step.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Any

logging.disable(logging.INFO)

from airflow.models.dagbag import DagBag  # noqa: E402 - after the logging is quiet
from airflow.serialization.serialized_objects import SerializedDAG  # noqa: E402 - as above

CONTEXT = {"ds": "2026-01-02", "params": {"which": "x"}}


def bag_of(file: str) -> DagBag:
    try:
        return DagBag(dag_folder=file, include_examples=False, read_dags_from_db=False)
    except TypeError:
        return DagBag(dag_folder=file, include_examples=False)


def load(file: str) -> dict[str, Any]:
    bag = bag_of(file)
    return {
        "dags": {dag_id: facts_of(dag) for dag_id, dag in bag.dags.items()},
        "errors": {Path(name).name: text for name, text in bag.import_errors.items()},
    }


def facts_of(dag: Any) -> dict[str, Any]:
    serialized = SerializedDAG.to_dict(dag)["dag"]
    return {
        "tags": sorted(dag.tags),
        "file": dag.fileloc,
        "root": dag.template_searchpath[-1] if dag.template_searchpath else None,
        "timetable": type(dag.timetable).__name__,
        "serialized_schedule": serialized.get("schedule_interval"),
        "catchup": dag.catchup,
        "paused": dag.is_paused_upon_creation,
        "tasks": {task.task_id: task_of(task) for task in dag.tasks},
    }


def task_of(task: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"downstream": sorted(task.downstream_task_ids)}
    if hasattr(task, "partial_kwargs"):
        facts["partial"] = task.partial_kwargs.get("trigger_dag_id")
        facts["expanded"] = values_of(getattr(task.expand_input, "value", None))
        return facts
    for name in ("trigger_dag_id", "external_dag_id"):
        if hasattr(task, name):
            facts[name] = getattr(task, name)
    if hasattr(task, "bash_command"):
        facts["command"] = task.render_template(task.bash_command, CONTEXT)
    return facts


def values_of(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("trigger_dag_id")
    return value if isinstance(value, list) else None


def run(file: str, dag_id: str, task_id: str) -> Any:
    """Calls a task's function as a task process would: after its file was loaded, and nothing else."""
    return bag_of(file).dags[dag_id].get_task(task_id).python_callable()


def step(action: dict[str, Any]) -> Any:
    match action:
        case {"load": file}:
            return load(file)
        case {"run": [file, dag_id, task_id]}:
            return run(file, dag_id, task_id)
        case {"copy": [source, target]}:
            return str(shutil.copy(source, target))
        case {"set": variables}:
            return os.environ.update(variables)
        case {"leftovers": _}:
            return leftovers()
    raise ValueError(action)


def leftovers() -> dict[str, Any]:
    return {
        "hooks": sum(getattr(hook, "dagbranch_environment", False) for hook in sys.path_hooks),
        "path": list(sys.path),
    }


if __name__ == "__main__":
    if os.environ["AIRFLOW__CORE__DAGS_FOLDER"] not in sys.path:
        sys.path.append(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])  # as the dag processor of 3.x does
    answers = [step(action) for action in json.loads(sys.argv[1])]
    sys.stdout.write("\n" + json.dumps(answers) + "\n")
