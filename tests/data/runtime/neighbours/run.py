"""Run by an Airflow's own Python: loads, calls and looks in one process after the other, and prints JSON.

The argument is a JSON object: by name, the actions of one process, which is forked from one that has only imported
Airflow. The answer has, by name, one entry per action.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any

logging.disable(logging.INFO)

from airflow import __version__ as version  # noqa: E402 - after the logging is quiet
from airflow.models.dagbag import DagBag  # noqa: E402 - as above
from airflow.serialization.serialized_objects import SerializedDAG  # noqa: E402 - as above
from airflow.utils.dag_parsing_context import _airflow_parsing_context_manager  # noqa: E402 - as above

OPERATORS = (
    "operators.bash",
    "operators.empty",
    "operators.python",
    "operators.trigger_dagrun",
    "sensors.external_task",
)
bags: dict[str, Any] = {}


def import_what_each_process_needs() -> None:
    for name in OPERATORS:
        with contextlib.suppress(ImportError):
            importlib.import_module(
                f"airflow.{name}" if version.startswith("2.") else f"airflow.providers.standard.{name}"
            )
    for name in ("airflow.sdk", "airflow.decorators", "airflow.datasets", "airflow.sdk.definitions.asset.decorators"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def load(file: str, name: str = "") -> dict[str, Any]:
    """As the DAG processor and ``airflow dags list`` do."""
    try:
        bag = DagBag(dag_folder=file, include_examples=False, read_dags_from_db=False)
    except TypeError:
        bag = DagBag(dag_folder=file, include_examples=False)
    bags[name or Path(file).name] = bag
    return {"dags": sorted(bag.dags), "errors": {Path(key).name: text for key, text in bag.import_errors.items()}}


def load_for_task(file: str, dag_id: str, task_id: str) -> dict[str, Any]:
    """As the process of a task does, in which the context stays."""
    with _airflow_parsing_context_manager(dag_id=dag_id, task_id=task_id):
        answer = load(file, "task")
    task = bags["task"].dags[dag_id].get_task(task_id)
    return {**answer, "trigger_dag_id": getattr(task, "trigger_dag_id", None), "imported": imported()}


def serialized(file: str) -> dict[str, Any]:
    """What the DAG processor would write to the database."""
    load(file, "serialized")
    return {dag_id: SerializedDAG.to_dict(dag)["dag"] for dag_id, dag in sorted(bags["serialized"].dags.items())}


def field(name: str, dag_id: str, task_id: str, attribute: str) -> Any:
    return getattr(bags[name].dags[dag_id].get_task(task_id), attribute)


def variables(values: dict[str, str]) -> None:
    os.environ.update(values)


def warnings_of(file: str) -> list[str]:
    """What is logged as a warning while it loads."""
    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign] # the shortest handler
    logging.getLogger("_dagbranch").addHandler(handler)
    load(file)
    return told


def call(name: str, dag_id: str, task_id: str) -> Any:
    return bags[name].dags[dag_id].get_task(task_id).python_callable()


def callback(name: str, dag_id: str) -> Any:
    return bags[name].dags[dag_id].on_failure_callback({})


def imported() -> list[str]:
    """What the repository's modules say when their code runs."""
    return os.environ.get("IMPORTED", "").split()


def sight() -> dict[str, Any]:
    return {
        "path": sys.path,
        "hooks": len(sys.path_hooks),
        "finders": sorted(sys.path_importer_cache),
        "modules": sorted(name for name in sys.modules if not name.startswith(("airflow", "unusual_prefix_"))),
    }


def in_child(actions: list[list[Any]]) -> list[Any]:
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with os.fdopen(writable, "w") as pipe:
                json.dump(act(actions), pipe)
            status = 0
        except BaseException:  # noqa: BLE001 - a child must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writable)
    with os.fdopen(readable) as pipe:
        answers: list[Any] = json.loads(pipe.read() or "null")
    os.waitpid(child, 0)
    return answers


def act(actions: list[list[Any]]) -> list[Any]:
    return [globals()[name](*arguments) for name, *arguments in actions]


def replace(source: str, target: str) -> None:
    Path(source).replace(target)


if __name__ == "__main__":
    import_what_each_process_needs()
    processes = json.loads(sys.argv[1])
    site, dags = Path(os.environ["AIRFLOW_HOME"], "site"), os.environ["AIRFLOW__CORE__DAGS_FOLDER"]
    sys.path.append(str(site))
    if dags not in sys.path:
        sys.path.append(dags)  # as the dag processor of 3.x does
    sys.stdout.write("\n" + json.dumps({name: in_child(actions) for name, actions in processes.items()}) + "\n")
