"""An airflow DAG with an id that no reader knows."""

import common
from versions import EmptyOperator, MainDag

common.note(__name__)

with MainDag(".".join(["team", "computed"]), schedule=None):
    EmptyOperator(task_id="empty")
