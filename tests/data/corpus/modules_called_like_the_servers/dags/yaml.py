# Plain Airflow loads this file as a DAG file, though no import finds it: airflow, dag
from airflow import DAG
from airflow.operators.bash import BashOperator

import yaml

with DAG("yaml_named", schedule=None):
    BashOperator(task_id="say", bash_command=f"echo {yaml.safe_load('[1]')}")
