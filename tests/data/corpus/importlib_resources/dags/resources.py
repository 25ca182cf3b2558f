import pkgutil
from importlib import resources

import texts
from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("resources", schedule=None):
    BashOperator(task_id="files", bash_command="echo " + resources.files("texts").joinpath("note.txt").read_text())
    BashOperator(task_id="names", bash_command="echo " + " ".join(sorted(
        one.name for one in resources.files(texts).iterdir() if one.name != "__pycache__")))
    BashOperator(task_id="loose", bash_command="echo " + resources.files("loose.folder").joinpath("data.txt").read_text())
    BashOperator(task_id="data", bash_command="echo " + pkgutil.get_data("texts", "note.txt").decode())
    with resources.as_file(resources.files("texts") / "note.txt") as path:
        BashOperator(task_id="path", bash_command=f"cat {path}")
