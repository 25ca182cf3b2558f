"""An airflow DAG that uses what the repository requires."""

import importlib.metadata
import importlib.resources

import common
import shared
import uses_shared
from shared_space import part
from versions import MainDag, PythonOperator

common.note(__name__)

with MainDag("team.requires", schedule=None, tags=[f"shared {shared.VERSION}"]):
    facts = [
        shared.VERSION,
        importlib.metadata.version("shared"),
        importlib.resources.files("shared").joinpath("note.txt").read_text().strip(),
        part.VERSION,
        uses_shared.version(),
    ]
    PythonOperator(task_id="facts", python_callable=lambda: facts)
