# truth-read: raw.orders, stage.orders, crm.customers
# truth-written: stage.orders, mart.totals, ops.log
# truth-unknown: the query of a variable
"""INSERT INTO doc.string SELECT 1"""
from airflow import DAG
from airflow.models import Variable
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.providers.apache.hive.operators.hive import HiveOperator

with DAG("qu.orders", schedule="@daily"):
    SQLExecuteQueryOperator(
        task_id="load",
        conn_id="warehouse",
        sql=[
            "DELETE FROM stage.orders WHERE dt = '{{ ds }}'",
            """
            INSERT INTO stage.orders
            SELECT * FROM raw.orders WHERE dt = '{{ ds }}'
            """,
        ],
    )
    DatabricksSqlOperator(task_id="t", sql="INSERT INTO mart.totals SELECT count(*) FROM stage.orders")
    HiveOperator(task_id="h", hql="INSERT INTO TABLE ops.log SELECT '{{ ds }}', {{ params.n }}")
    SQLExecuteQueryOperator(task_id="v", sql=Variable.get("query"))
    SQLExecuteQueryOperator(task_id="c", sql=("SELECT 1 " "FROM crm.customers"))
