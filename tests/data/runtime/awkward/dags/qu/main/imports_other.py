"""Imports another file's airflow DAG, as people do to share its tasks."""

from qu.main.test_dag import dag as other
from versions import EmptyOperator, MainDag

with MainDag(f"{other.dag_id}_child", schedule=None):
    EmptyOperator(task_id="only")
