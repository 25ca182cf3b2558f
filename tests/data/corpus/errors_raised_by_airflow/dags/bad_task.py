from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG('bad_task', schedule=None):
    BashOperator(task_id='x')
