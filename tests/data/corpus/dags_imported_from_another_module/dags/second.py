from airflow import DAG
from airflow.operators.trigger_dagrun import TriggerDagRunOperator

from original import first

with DAG("second", schedule=None):
    TriggerDagRunOperator(task_id="trigger", trigger_dag_id=first.dag_id)
