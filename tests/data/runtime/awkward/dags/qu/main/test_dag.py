import csv
import os
from pathlib import Path

from airflow.models.dag import DAG
from qu.common import COLOUR, START
from versions import BashOperator, PythonOperator

with open(os.path.join(os.path.dirname(__file__), "costs.csv"), newline="") as file:
    COSTS = list(csv.DictReader(file))


def imports_when_it_runs():
    from qu import common

    return common.COLOUR


with DAG(
    "qu.test_dag",
    schedule="@daily",
    start_date=START,
    catchup=True,
    tags=["team"],
    user_defined_macros={"own": "macro", "lane": "mine"},
) as dag:
    load = BashOperator(task_id="load", bash_command="sql/rows.sql")
    load.template_ext = (".sql",)
    for cost in COSTS:
        load >> BashOperator(task_id=f"cost_{cost['channel']}", bash_command=f"echo {cost['cost']} {COLOUR}")
    late = PythonOperator(task_id="late", python_callable=imports_when_it_runs)
    said = BashOperator(task_id="said", bash_command=f"echo {dag.dag_id} {Path(__file__).parents[2].name} {dag.folder}")
