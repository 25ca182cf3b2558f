"""The return on investment of each marketing channel, a day a run."""

from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from qu.common.channels import read_channels

CHANNELS = read_channels(__file__)

with DAG(
    "qu.test_dag",
    start_date=datetime(2026, 1, 1),
    schedule="@daily",
    catchup=False,
    params={"date": "2026-02-01", "channels": ", ".join(f'"{name}"' for name in CHANNELS)},
    tags=["attribution"],
):
    DatabricksSqlOperator(task_id="m_roi", databricks_conn_id="warehouse_test", sql="sql/m_roi.sql")
    BashOperator(
        task_id="budget",
        bash_command="""
            set -o pipefail
            aws s3 cp --only-show-errors "{{ artifact('jobs') }}/budget.py" - | python3 - {{ params.channels | replace(",", "") }}
        """,
    )
