"""Run by an Airflow's own Python: loads dags folders as its dag processor does, each file in a process of its own.

Reads ``{name: {"dags": folder, "wanted": dag_id, "only": [file, …]}}`` from standard input: ``wanted`` is empty or
the DAG that a task's process asks for, ``only`` may be missing. The last line that it prints is
``{name: {"files": [...], "dags": [{"file", "serialized", "live"}], "errors": {file: text}}}``: ``files`` are those
that Airflow's own listing finds, ``errors`` what it would show for them.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

logging.disable(logging.CRITICAL)
# For the length of the imports alone: DAG code may have modules of these names, and sees the path that Airflow gives.
sys.path.insert(0, str(Path(__file__).parent))

from airflow import settings  # noqa: E402 - after the logging is quiet
from airflow.configuration import conf  # noqa: E402 - as above
from airflow.utils.file import list_py_file_paths  # noqa: E402 - as above

describe_dag = importlib.import_module("describe").describe_dag
del sys.modules["describe"]
sys.path[:] = [entry for entry in sys.path if entry != str(Path(__file__).parent)]


try:
    from airflow.serialization.serialized_objects import DagSerialization as Serialization
except ImportError:
    from airflow.serialization.serialized_objects import SerializedDAG as Serialization

try:
    from airflow.dag_processing.dagbag import BundleDagBag
except ImportError:
    from airflow.models.dagbag import DagBag

    BundleDagBag = None

# Imported once, before the forks, as the dag processor does with what a file imports.
_OFTEN_IMPORTED = (
    "airflow.decorators",
    "airflow.sdk",
    "airflow.operators.python",
    "airflow.operators.bash",
    "airflow.operators.empty",
    "airflow.providers.standard.operators.python",
    "airflow.providers.standard.operators.bash",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.providers.standard.sensors.external_task",
    "airflow.utils.task_group",
    "airflow.jobs.job",
)
# Serialized once, before the forks: Airflow imports much when it does that for the first time.
_EXAMPLE = """
from airflow.decorators import task
from airflow.models import DAG
from datetime import datetime
with DAG("example", start_date=datetime(2026, 1, 1), schedule="@daily", params={"some": 1}) as dag:
    task(lambda: None, task_id="some")()
"""
_PROCESS_ENDED = "the process ended"


def main() -> None:
    jobs = json.load(sys.stdin)
    _import_ahead()
    in_a_child(_make_tables)
    sys.stdout.write("\n" + json.dumps({name: _observe(job) for name, job in jobs.items()}) + "\n")


def _import_ahead() -> None:
    for name in _OFTEN_IMPORTED:
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001 - each version has some of them
            continue
    namespace: dict[str, Any] = {}
    exec(_EXAMPLE, namespace)
    Serialization.to_dict(namespace["dag"])
    gc.freeze()


def _make_tables() -> None:
    """Airflow 2 asks its database for pools when it makes SubDAGs, for aliases of datasets when it serializes them."""
    from airflow import models
    from airflow.models.base import Base

    models.import_all_models()
    tables = [
        table for name, table in Base.metadata.tables.items() if name.startswith("dataset") or name == "slot_pool"
    ]
    if tables:
        Base.metadata.create_all(settings.engine, tables=tables)


def _observe(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"files": _list_files(job["dags"]), "dags": [], "errors": {}}
    for file in job.get("only") or found["files"]:
        loaded = in_a_child(_load, job, file)
        if loaded is None:
            found["errors"][file] = _PROCESS_ENDED
            continue
        found["dags"] += loaded["dags"]
        found["errors"].update(loaded["errors"])
    return found


def in_a_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns in a process of its own, through JSON; None where that ended before."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reader)
        try:
            with os.fdopen(writer, "w") as pipe:
                pipe.write(json.dumps(function(*arguments), default=repr))
        except Exception:  # noqa: BLE001 - a fault of this program, that must not pass for one of the DAGs
            traceback.print_exc()
            os._exit(3)
        except BaseException:  # noqa: BLE001 - what DAG code did to its process
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == 3:
        raise RuntimeError("observing failed, see above")
    return json.loads(text) if text else None


def _enter(job: Mapping[str, Any]) -> None:
    """Makes this process one of a server with that dags folder."""
    dags, before = job["dags"], os.path.normpath(settings.DAGS_FOLDER)
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = dags
    if job["wanted"]:
        os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = job["wanted"]
    settings.DAGS_FOLDER = dags
    sys.path[:] = [dags if os.path.normpath(entry) == before else entry for entry in sys.path]
    if dags not in sys.path:
        sys.path.append(dags)


def _list_files(folder: str) -> list[str]:
    return sorted(map(str, list_py_file_paths(folder, conf.getboolean("core", "dag_discovery_safe_mode"))))


def _load(job: Mapping[str, Any], file: str) -> dict[str, Any]:
    _enter(job)
    bag = _bag_of(file, job["dags"])
    errors = {os.path.join(job["dags"], name): text for name, text in bag.import_errors.items()}  # noqa: PTH118 - keeps absolute names
    dags = []
    for dag in bag.dags.values():
        if getattr(dag, "parent_dag", None) is not None:
            continue  # it is a part of its parent, serialized with it
        try:
            serialized = Serialization.to_dict(dag)["dag"]
        except Exception:  # noqa: BLE001 - the dag processor tells it so
            errors[dag.fileloc] = traceback.format_exc(limit=-2)
            continue
        dags.append({"file": dag.fileloc, "serialized": serialized, "live": describe_dag(dag)})
    return {"dags": dags, "errors": errors}


def _bag_of(file: str, dags: str) -> Any:
    """As the dag processor of each version makes it."""
    if BundleDagBag is not None:
        return BundleDagBag(dag_folder=file, bundle_path=Path(dags), bundle_name="dags-folder", load_op_links=False)
    if "bundle_path" in inspect.signature(DagBag).parameters:
        return DagBag(dag_folder=file, include_examples=False, bundle_path=Path(dags), load_op_links=False)
    return DagBag(file, include_examples=False)


if __name__ == "__main__":
    main()
