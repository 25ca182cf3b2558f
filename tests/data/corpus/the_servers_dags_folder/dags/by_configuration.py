from airflow import DAG
from airflow.configuration import conf
from airflow.operators.bash import BashOperator

with DAG('by_configuration', schedule=None):
    BashOperator(task_id='run', bash_command=f"cat {conf.get('core', 'dags_folder')}/sql/rows.sql")
