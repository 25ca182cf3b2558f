from airflow.models.dag import DAG
from versions import EmptyOperator, Sensor, Trigger

with DAG("references", schedule=None) as dag:
    Trigger(task_id="own", trigger_dag_id="qu.test_dag")
    Trigger(task_id="foreign", trigger_dag_id="other_team.dag")
    Trigger(task_id="by_object", trigger_dag_id=dag.dag_id)
    Sensor(task_id="waits", external_dag_id="qu.test_dag", external_task_id="load")
    Trigger.partial(task_id="partial", trigger_dag_id="qu.test_dag").expand(conf=[{"n": 1}, {"n": 2}])
    Trigger.partial(task_id="expanded").expand(trigger_dag_id=["qu.test_dag", "other_team.dag", "decorated"])
    Trigger.partial(task_id="by_kwargs").expand_kwargs([{"trigger_dag_id": "decorated"}])
    Trigger(task_id="templated", trigger_dag_id="{{ params.which }}")
    EmptyOperator(task_id="empty")
