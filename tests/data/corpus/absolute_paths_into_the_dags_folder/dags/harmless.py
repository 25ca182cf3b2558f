"""Deployed to /usr/local/airflow/dags/harmless.py by the pipeline."""
# cp x /opt/airflow/dags/
from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG('harmless', schedule=None):
    BashOperator(task_id='run', bash_command='aws s3 ls s3://bucket/dags/')
