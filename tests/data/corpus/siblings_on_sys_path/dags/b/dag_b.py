import os
import sys

sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from airflow import DAG
from airflow.operators.bash import BashOperator
from config import NAME

with DAG(f'siblings_{NAME}', schedule=None):
    BashOperator(task_id='say', bash_command=f'echo {NAME}')
