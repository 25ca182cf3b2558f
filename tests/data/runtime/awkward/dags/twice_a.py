"""An airflow DAG whose id another file gives as well."""

from versions import EmptyOperator, MainDag

with MainDag("qu.twice", schedule=None):
    EmptyOperator(task_id="only")
