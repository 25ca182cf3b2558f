# This module's import error is to be shown by Airflow, beside DAGs that run.
from airflow import DAG

with DAG("shop.broken", schedule=None):
    import a_module_that_nobody_has
