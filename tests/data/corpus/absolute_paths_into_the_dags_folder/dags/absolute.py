from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG('absolute', schedule=None):
    BashOperator(task_id='run', bash_command='cat /usr/local/airflow/dags/sql/rows.sql')
