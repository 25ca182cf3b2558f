from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sensors.external_task import ExternalTaskMarker, ExternalTaskSensor
from operators.derived import Starts, Waits

with DAG("ref.target", schedule=None):
    BashOperator(task_id="work", bash_command="echo work")

with DAG("ref.source", schedule=None) as dag:
    TriggerDagRunOperator(task_id="own", trigger_dag_id="ref.target", conf={"from": "{{ dag.dag_id }}"})
    TriggerDagRunOperator(task_id="foreign", trigger_dag_id="other_team.dag")
    ExternalTaskSensor(task_id="waits", external_dag_id="ref.target", external_task_id="work")
    ExternalTaskSensor(task_id="waits_for_foreign", external_dag_id="other_team.dag")
    ExternalTaskMarker(task_id="marks", external_dag_id="ref.target", external_task_id="work")
    Starts(what="target", task_id="derived")
    Waits(task_id="derived_sensor", external_dag_id="ref.target", external_task_ids=["work"])
    TriggerDagRunOperator.partial(task_id="mapped").expand(trigger_dag_id=["ref.target", "foreign"])
    TriggerDagRunOperator(task_id="itself", trigger_dag_id=dag.dag_id)
