import os
from pathlib import Path

from airflow import DAG
from airflow.operators.bash import BashOperator
from lib.frames import name_of_caller

with DAG(Path(__file__).stem, schedule=None, tags=[Path(__file__).parent.name]) as dag:
    BashOperator(task_id="run", bash_command=f"cat {dag.folder}/costs.sql {os.path.relpath(__file__, dag.folder)}")
    BashOperator(task_id="its_file", bash_command=f"echo {dag.fileloc} {__name__.rpartition('.')[2][-5:]}")
with DAG(f"{name_of_caller()}_by_frame", schedule=None):
    BashOperator(task_id="run", bash_command="echo")
with DAG(os.path.basename(os.path.dirname(__file__)), schedule=None):
    BashOperator(task_id="run", bash_command="echo")
