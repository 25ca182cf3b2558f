"""Triggers and waits for a DAG of another module, and for one that only the server has."""

from datetime import datetime

from airflow import DAG
from airflow.models.baseoperator import chain

try:
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
except ImportError:  # Airflow 2
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.sensors.external_task import ExternalTaskSensor

REFERENCES = {"shop.report": "write", "shop.archive": "keep"}

with DAG("shop.orchestrate", schedule=None, start_date=datetime(2024, 1, 1)):
    triggers = [
        TriggerDagRunOperator(
            task_id="trigger_" + dag_id.replace(".", "_"), trigger_dag_id=dag_id, logical_date="{{ logical_date }}"
        )
        for dag_id in REFERENCES
    ]
    # One sensor at a time: two of them would take both places of a small server from what they wait for.
    sensors = [
        ExternalTaskSensor(
            task_id="wait_for_" + dag_id.replace(".", "_"),
            external_dag_id=dag_id,
            external_task_id=task_id,
            mode="reschedule",
            poke_interval=1,
            timeout=300,
        )
        for dag_id, task_id in REFERENCES.items()
    ]
    chain(*triggers, *sensors)
