from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("original", schedule=None) as first:
    BashOperator(task_id="say", bash_command="echo original")
