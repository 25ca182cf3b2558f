from airflow.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sensors.external_task import ExternalTaskSensor


class Starts(TriggerDagRunOperator):
    def __init__(self, what, **kwargs):
        super().__init__(trigger_dag_id=f"ref.{what}", **kwargs)


class Waits(ExternalTaskSensor):
    template_fields = (*ExternalTaskSensor.template_fields, "poke_interval")
