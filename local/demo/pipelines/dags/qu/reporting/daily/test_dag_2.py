"""Counts what the attribution has written."""

from datetime import datetime

from airflow import DAG
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator

with DAG("qu.test_dag_2", start_date=datetime(2026, 1, 1), schedule="@daily", catchup=False, tags=["reporting"]):
    DatabricksSqlOperator(
        task_id="report",
        databricks_conn_id="warehouse_test",
        sql='SELECT COUNT(*) FROM {{ schema("db_attribution") }}.m_roi',
    )
