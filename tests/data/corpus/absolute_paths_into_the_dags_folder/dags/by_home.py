import os

from airflow import DAG
from airflow.operators.bash import BashOperator

HOME = os.environ.get('AIRFLOW_HOME', '/usr/local/airflow')
SQL = os.path.join(os.environ.get('AIRFLOW_HOME', ''), 'dags', 'sql')

with DAG('by_home', schedule=None):
    BashOperator(task_id='run', bash_command=f'cat {SQL}/rows.sql')
