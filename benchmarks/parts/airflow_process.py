"""Run by an Airflow's own Python: loads DAGs as Airflow's processes do, and tells what it took.

``airflow_process.py parse`` reads one path per line; each is loaded in a fork of its own. ``each FOLDER`` forks for
every file that Airflow finds in a folder, as the dag processor does.
``airflow_process.py task FILE DAG_ID TASK_ID`` finds one task as a task process does; FILE is within the dags folder.
Each answer is a line of JSON, ``{"seconds": …, "cpu_seconds": …, "megabytes": …}`` and what was found, all without what
Airflow itself takes: its modules, and those of the operators that the DAGs use, are imported before.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

from airflow import __version__  # noqa: E402 - after the logging is quiet
from airflow.models.dagbag import DagBag  # noqa: E402 - as above
from airflow.utils.file import list_py_file_paths  # noqa: E402 - as above

_OF_TASKS_IN_3 = "airflow.sdk.execution_time.task_runner"
_ANY_DAG = """
from datetime import datetime
from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
with DAG("any", start_date=datetime(2024, 1, 1), schedule="0 1 * * *"):
    BashOperator(task_id="bash", bash_command="true") >> PythonOperator(task_id="python", python_callable=print)
"""


def measured(load: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is what Airflow took
    before, started, cpu_before = memory("VmRSS"), time.perf_counter(), time.process_time()
    found = load()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_before
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "megabytes": memory("VmHWM") - before, **found}


def memory(figure: str) -> float:
    match = re.search(rf"{figure}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match is not None
    return int(match[1]) / 1024


def parse(path: str) -> dict[str, Any]:
    bag = DagBag(dag_folder=path, include_examples=False)
    if bag.import_errors:
        raise RuntimeError(next(iter(bag.import_errors.values())))
    return {"dags": len(bag.dags)}


def in_its_own_process(path: str) -> str:
    """Forked, so that each load finds Airflow imported, and nothing of the load before."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            json.dump(measured(lambda: parse(path)), pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def in_a_process_per_file(folder: str) -> str:
    """The sums; of memory too, though not all of it is in use at once."""
    answers = [json.loads(in_its_own_process(file)) for file in list_py_file_paths(folder)]
    return json.dumps({key: sum(answer[key] for answer in answers) for key in answers[0]})


def find_task(file: str, dag_id: str, task_id: str) -> dict[str, Any]:
    find = _find_task_2 if __version__.startswith("2.") else _find_task_3
    return {"task": find(file, dag_id, task_id).task_id}


def _find_task_2(file: str, dag_id: str, task_id: str) -> Any:
    """``airflow tasks run --subdir``, in the process that StandardTaskRunner forks."""
    from airflow.utils.cli import process_subdir
    from airflow.utils.dag_parsing_context import _airflow_parsing_context_manager

    with _airflow_parsing_context_manager(dag_id=dag_id, task_id=task_id):
        bag = DagBag(process_subdir(f"DAGS_FOLDER/{file}"))
    return bag.dags[dag_id].get_task(task_id)


def _find_task_3(file: str, dag_id: str, task_id: str) -> Any:
    """``startup`` of Airflow's task runner, with what a supervisor would have sent."""
    from airflow.sdk.api.datamodels._generated import BundleInfo, TaskInstance
    from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager
    from airflow.sdk.execution_time.comms import StartupDetails
    from airflow.sdk.execution_time.task_runner import parse as parse_for_task

    what = StartupDetails.model_construct(
        ti=TaskInstance.model_construct(task_id=task_id, dag_id=dag_id, run_id="manual", try_number=1, map_index=-1),
        dag_rel_path=file,
        bundle_info=BundleInfo(name="dags-folder"),
        start_date=datetime.now(tz=UTC),
        ti_context=SimpleNamespace(max_tries=0),
    )
    with _airflow_parsing_context_manager(dag_id=dag_id, task_id=task_id):
        return parse_for_task(what, logging.getLogger("task")).task


def import_airflow() -> None:
    """What Airflow imports for any DAG, some of it no sooner than it sees one; its processes fork with it in memory."""
    if not __version__.startswith("2."):
        importlib.import_module(_OF_TASKS_IN_3)
    file = Path(os.environ["HOME"], "any_dag.py")
    file.write_text(_ANY_DAG)
    parse(str(file))


if __name__ == "__main__":
    import_airflow()
    if sys.argv[1] == "parse":
        if (dags_folder := os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) not in sys.path:
            sys.path.append(dags_folder)  # as the dag processor of 3.x does
        for line in sys.stdin:
            wanted, asked = line.strip(), "each "
            if wanted.startswith(asked):
                answer = in_a_process_per_file(wanted.removeprefix(asked))
            else:
                answer = in_its_own_process(wanted)
            sys.stdout.write(answer + "\n")
            sys.stdout.flush()
    else:
        sys.stdout.write(json.dumps(measured(lambda: find_task(*sys.argv[2:]))) + "\n")
