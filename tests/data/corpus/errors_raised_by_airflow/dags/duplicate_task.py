from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG('duplicate_task', schedule=None):
    for _ in range(2):
        BashOperator(task_id='x', bash_command='echo')
