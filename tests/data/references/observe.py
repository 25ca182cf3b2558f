"""Run by an Airflow's own Python: loads a packaged DAG as the dag processor or a task's process does, prints JSON.

Arguments: JSON, a list of steps; each is ``{"load": file}`` or ``{"task": [file, dag_id, task_id]}``, in a process of
its own each, because what a task's process keeps is not to be seen by the next. The answer has one entry per step.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import multiprocessing
import os
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")
logging.disable(logging.INFO)

from airflow import __version__, settings  # noqa: E402 - after the logging is quiet
from airflow.models.base import Base  # noqa: E402 - as above

try:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization as SerializedDAG
except ImportError:
    from airflow.models.dagbag import DagBag
    from airflow.serialization.serialized_objects import SerializedDAG

PARSING_CONTEXT = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"
LIVE = ("catchup", "max_active_runs", "max_active_tasks", "is_paused_upon_creation", "dag_display_name", "fileloc")


class Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("dagbranch") or record.name.startswith("_dagbranch"):
            self.told.append(record.getMessage())


USED = (
    "airflow.providers.smtp.notifications.smtp",
    "airflow.providers.standard.operators.bash",
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.providers.standard.sensors.external_task",
    "airflow.sdk.definitions.asset.decorators",
    "airflow.operators.bash",
    "airflow.operators.subdag",
    "airflow.operators.trigger_dagrun",
    "airflow.sensors.external_task",
)


def import_what_all_use() -> None:
    """Once, since each step has a process of its own."""
    for module in USED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


def bag_of(file: str) -> Any:
    for options in ({"include_examples": False, "read_dags_from_db": False}, {"include_examples": False}, {}):
        with contextlib.suppress(TypeError):
            return DagBag(dag_folder=file, **options)
    raise TypeError(DagBag)


def load(file: str) -> dict[str, Any]:
    told = Warnings()
    logging.getLogger().addHandler(told)
    bag = bag_of(file)
    return {
        "dags": {dag_id: facts_of(dag) for dag_id, dag in bag.dags.items()},
        "errors": {Path(name).name: text for name, text in bag.import_errors.items()},
        "warnings": told.told,
    }


def facts_of(dag: Any) -> dict[str, Any]:
    serialized = SerializedDAG.to_dict(dag)["dag"]
    return {
        "tags": sorted(dag.tags),
        "timetable": type(dag.timetable).__name__,
        "starts": text_of([serialized.get("timetable"), serialized["dag_dependencies"]]),
        "live": {name: getattr(dag, name) for name in LIVE},
        "callbacks": {name: names_of(getattr(dag, name)) for name in ("on_failure_callback", "on_success_callback")},
        "has_callbacks": [dag.has_on_failure_callback, dag.has_on_success_callback],
        "dependencies": sorted(
            [dependency["source"], dependency["target"], dependency["dependency_type"]]
            for dependency in serialized["dag_dependencies"]
        ),
        "serialized": {name: serialized.get(name, serialized.get(f"_{name}")) for name in LIVE[:3]},
        "tasks": {task.task_id: task_of(task) for task in dag.tasks},
        "serialized_tasks": {task["__var"]["task_id"]: text_of(task["__var"]) for task in serialized["tasks"]},
        "subdags": sorted(subdag.dag_id for subdag in getattr(dag, "subdags", [])),
    }


def task_of(task: Any) -> dict[str, Any]:
    partial = getattr(task, "partial_kwargs", None)
    holder = partial if isinstance(partial, dict) else {name: getattr(task, name, None) for name in dir(task)}
    facts = {
        name: holder.get(name) if isinstance(holder.get(name), (str, int, type(None))) else repr(holder[name])
        for name in ("trigger_dag_id", "external_dag_id", "retries", "pool", "email", "bash_command")
    }
    for name in ("on_failure_callback", "on_retry_callback"):
        facts[name] = names_of(holder.get(name))
    facts["expanded"] = value_of(getattr(task, "expand_input", None))
    facts["inlets"] = [asset_of(asset) for asset in task.inlets]
    facts["outlets"] = [asset_of(asset) for asset in task.outlets]
    return facts


def asset_of(asset: Any) -> list[Any]:
    return [getattr(asset, "name", None), getattr(asset, "uri", None), len(getattr(asset, "watchers", []))]


def names_of(callbacks: Any) -> list[str]:
    found = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    return [getattr(callback, "__name__", type(callback).__name__) for callback in found if callback is not None]


def value_of(expand_input: Any) -> Any:
    value = getattr(expand_input, "value", None)
    return value if isinstance(value, (dict, list)) else None


def text_of(task: Any) -> str:
    return json.dumps(task, sort_keys=True, default=str)


def run(file: str, dag_id: str, task_id: str) -> dict[str, Any]:
    """What a task's process does: it is told the DAG while it loads, and runs when that is done."""
    told = Warnings()
    logging.getLogger().addHandler(told)
    os.environ[PARSING_CONTEXT] = dag_id
    bag = bag_of(file)
    del os.environ[PARSING_CONTEXT]
    task = bag.dags[dag_id].get_task(task_id)
    return {**events_of(task), "warnings": told.told}


def events_of(task: Any) -> dict[str, Any]:
    if type(task).__name__ == "_AssetMainOperator":
        return asked_for(task)
    accessors, inlets = accessors_for(task)
    wanted = {"outlet_events": accessors, "inlet_events": inlets}
    names = task.python_callable.__code__
    parameters = names.co_varnames[: names.co_argcount + names.co_kwonlyargcount]
    returned = task.python_callable(**{name: wanted[name] for name in parameters})
    events = [event for accessor in accessors._dict.values() for event in events_in(accessor)]
    return {
        "keys": sorted(key_of(key) for key in accessors._dict),
        "events": sorted(events),
        "returned": key_of(getattr(returned, "asset", None) or getattr(returned, "uri", returned)),
        "alias": getattr(getattr(returned, "alias", None), "name", None) or getattr(returned, "alias_name", None),
        "made_by_airflow": made_by_airflow(),
    }


def accessors_for(task: Any) -> tuple[Any, Any]:
    try:
        from airflow.sdk.execution_time.context import InletEventsAccessors, OutletEventAccessors
    except ImportError:
        from airflow.utils.context import InletEventsAccessors, OutletEventAccessors

        return OutletEventAccessors(), InletEventsAccessors(task.inlets, session=settings.Session())
    return OutletEventAccessors(), InletEventsAccessors(task.inlets)


def events_in(accessor: Any) -> list[str]:
    for event in getattr(accessor, "asset_alias_events", None) or getattr(accessor, "dataset_alias_events", []):
        target = getattr(event, "dest_asset_key", None) or event["dest_dataset_uri"]
        source = getattr(event, "source_alias_name", None) or event["source_alias_name"]
        yield f"{source} -> {key_of(target)}"


def key_of(key: Any) -> str | None:
    return key if isinstance(key, (str, type(None))) else getattr(key, "uri", None) or key.name


def made_by_airflow() -> str:
    """Airflow makes assets of rows in its database, whoever's they are."""
    try:
        from airflow.sdk.definitions.asset import AssetUniqueKey
    except ImportError:
        from airflow.serialization.enums import DagAttributeTypes, Encoding
        from airflow.serialization.serialized_objects import BaseSerialization

        encoded = {Encoding.TYPE: DagAttributeTypes.DATASET, Encoding.VAR: {"uri": "s3://others/x", "extra": None}}
        return BaseSerialization.deserialize(encoded).uri
    return AssetUniqueKey("s3://others/x", "s3://others/x").to_asset().uri


def asked_for(task: Any) -> dict[str, Any]:
    """Runs an ``@asset``'s function against a server that has whatever asset it is asked for."""
    from airflow.sdk.execution_time import comms, task_runner

    class Server:
        asked: list[str] = []

        def send(self, message: Any) -> Any:
            self.asked.append(message.name)
            return comms.AssetResult(name=message.name, uri=message.name, group="asset")

    task_runner.SUPERVISOR_COMMS = Server()
    returned = task.python_callable(**task.determine_kwargs({}))
    return {"asked": Server.asked, "returned": returned}


def step(action: dict[str, Any]) -> str:
    match action:
        case {"load": file}:
            return json.dumps(load(file), default=str)
        case {"task": [file, dag_id, task_id]}:
            return json.dumps(run(file, dag_id, task_id))
    raise ValueError(action)


if __name__ == "__main__":
    import_what_all_use()
    if __version__.startswith("2."):
        # There an alias looks for its datasets while it is parsed, and a subdag for the slots of its pool.
        tables = [table for name, table in Base.metadata.tables.items() if "dataset" in name or name == "slot_pool"]
        Base.metadata.create_all(settings.engine, tables=tables)
        settings.dispose_orm()
        settings.configure_orm()
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        answers = pool.map(step, json.loads(sys.argv[1]), chunksize=1)
    sys.stdout.write("\n[" + ", ".join(answers) + "]\n")
