import json
import os
from pathlib import Path

from airflow import DAG
from airflow.operators.bash import BashOperator

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "sql", "rows.sql")) as file:
    STATEMENT = file.read()
LIMITS = json.loads((Path(__file__).resolve().parents[2] / "shared" / "limits.json").read_text())

with DAG("team.reads", schedule=None, template_searchpath=[HERE]) as dag:
    BashOperator(task_id="rows", bash_command=f"echo {STATEMENT.strip()} {LIMITS['rows']}")
    BashOperator(task_id="templated", bash_command="sql/rows.sh")
    BashOperator(task_id="place", bash_command=f"cat {HERE}/sql/rows.sql")
