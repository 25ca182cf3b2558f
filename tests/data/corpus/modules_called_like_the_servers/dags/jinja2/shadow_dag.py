import jinja2
from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("jinja2.shadow", schedule=None):
    BashOperator(task_id="say", bash_command=f"echo {hasattr(jinja2, 'Environment')}")
