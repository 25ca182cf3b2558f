"""An airflow DAG under names that no import statement can say."""

from versions import EmptyOperator, MainDag

with MainDag("hyphen-ated", schedule=None):
    EmptyOperator(task_id="only")
