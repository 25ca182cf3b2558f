"""An airflow DAG that extends another module's."""

import common
from second import dag as other
from versions import EmptyOperator, MainDag

common.note(__name__)

with MainDag("team.fourth", schedule=None):
    EmptyOperator(task_id=f"after_{other.dag_id.rpartition('.')[2]}")
