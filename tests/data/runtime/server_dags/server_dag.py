"""A plain DAG of the server's own, with a package of the same name as the environments'."""

import importlib

from airflow.models.dag import DAG
from pkg import NAME


def bash_operator():
    try:
        return importlib.import_module("airflow.providers.standard.operators.bash").BashOperator
    except ImportError:
        return importlib.import_module("airflow.operators.bash").BashOperator


with DAG("server", schedule=None):
    bash_operator()(task_id="name", bash_command=f"echo {NAME}")
