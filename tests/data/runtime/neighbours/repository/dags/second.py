"""An airflow DAG that starts others: of another module here, of one whose id is computed, of another team."""

import common
from versions import EmptyOperator, MainDag, Trigger

common.note(__name__)

with MainDag("team.second", schedule=None) as dag:
    EmptyOperator(task_id="empty")
    Trigger(task_id="own", trigger_dag_id=dag.dag_id)
    Trigger(task_id="literal", trigger_dag_id="team.first")
    Trigger(task_id="computed", trigger_dag_id="team.computed")
    Trigger(task_id="foreign", trigger_dag_id="other_team.dag")
