"""An airflow DAG class of one's own, and DAGs that are not to be found."""

from qu.common import START
from versions import EmptyOperator, MainDag


class TeamDag(MainDag):
    def __init__(self, name, **kwargs):
        super().__init__(dag_id=f"team.{name}", schedule="@hourly", start_date=START, **kwargs)


def forgotten():
    EmptyOperator(task_id="only", dag=MainDag("forgotten", schedule=None))


with TeamDag("own_class") as dag:
    EmptyOperator(task_id="only")
with MainDag("unregistered", schedule=None, auto_register=False):
    EmptyOperator(task_id="only")
forgotten()
