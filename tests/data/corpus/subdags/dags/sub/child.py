from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator


def child_of(parent, name):
    made = DAG(f"{parent}.{name}", schedule=None, start_date=datetime(2026, 1, 1))
    BashOperator(task_id="inner", bash_command=f"echo {made.dag_id}", dag=made)
    return made
