"""Run by an Airflow's own Python: ``serialized.py FILE …`` loads each in a process of its own, as the dag processor.

Prints one JSON object, ``{"dags": {dag_id: [file, serialized DAG]}, "errors": {file: last line}}``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

logging.disable(logging.CRITICAL)

from airflow.models.dagbag import DagBag  # noqa: E402 - after the logging is quiet
from airflow.serialization.serialized_objects import SerializedDAG  # noqa: E402 - as above


def load(file: str) -> dict[str, Any]:
    bag = DagBag(dag_folder=file, include_examples=False)
    errors = {name: text.strip().splitlines()[-1] for name, text in bag.import_errors.items()}
    dags = {}
    for dag_id, dag in bag.dags.items():
        try:
            dags[dag_id] = [dag.fileloc, SerializedDAG.to_dict(dag)]
        except Exception as error:  # noqa: BLE001 - whatever it is has to be the same on both sides
            errors[dag.fileloc] = f"{type(error).__name__}: {error}"
    return {"dags": dags, "errors": errors}


def in_its_own_process(file: str) -> dict[str, Any]:
    """Forked, so that Airflow is imported once."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            json.dump(load(file), pipe, default=repr)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    found: dict[str, Any] = json.loads(text) if text else {"dags": {}, "errors": {file: "the process ended"}}
    return found


if __name__ == "__main__":
    merged: dict[str, Any] = {"dags": {}, "errors": {}}
    for path in sys.argv[1:]:
        for kind, found in in_its_own_process(path).items():
            merged[kind].update(found)
    sys.stdout.write("\n" + json.dumps(merged) + "\n")
