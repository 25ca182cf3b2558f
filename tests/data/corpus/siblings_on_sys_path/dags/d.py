import os

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG('siblings_none', schedule=None):
    BashOperator(task_id='say', bash_command=f'echo {os.path.basename(__file__)}')
