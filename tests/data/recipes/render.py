"""Run by an Airflow's own Python: loads a packaged DAG as its dag processor does and prints every task's fields.

Argument: the zip. The answer is JSON: the template fields, rendered, by DAG, task and name, and the import errors.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

logging.disable(logging.WARNING)

from airflow.models.dagbag import DagBag  # noqa: E402 - after the logging is quiet

CONTEXT = {"ds": "2026-01-02"}


def bag_of(file: str) -> DagBag:
    try:
        return DagBag(dag_folder=file, include_examples=False, read_dags_from_db=False)
    except TypeError:  # 3.x has no such argument any more
        return DagBag(dag_folder=file, include_examples=False)


def fields_of(task: Any) -> dict[str, Any]:
    return {name: task.render_template(getattr(task, name), CONTEXT) for name in task.template_fields}


if __name__ == "__main__":
    bag = bag_of(sys.argv[1])
    tasks = {dag_id: {task.task_id: fields_of(task) for task in dag.tasks} for dag_id, dag in bag.dags.items()}
    sys.stdout.write("\n" + json.dumps({"tasks": tasks, "errors": bag.import_errors}) + "\n")
