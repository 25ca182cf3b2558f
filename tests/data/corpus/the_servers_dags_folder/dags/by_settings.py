from airflow import DAG, settings
from airflow.operators.bash import BashOperator

with DAG('by_settings', schedule=None):
    BashOperator(task_id='run', bash_command=f'cat {settings.DAGS_FOLDER}/sql/rows.sql')
