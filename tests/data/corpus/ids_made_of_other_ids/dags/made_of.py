from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.trigger_dagrun import TriggerDagRunOperator

with DAG("base", schedule=None) as base:
    TriggerDagRunOperator(task_id="child", trigger_dag_id="child_of_base")
    TriggerDagRunOperator(task_id="done", trigger_dag_id=f"notify.{base.dag_id}.done")

for name in (f"child_of_{base.dag_id}", f"notify.{base.dag_id}.done"):
    with DAG(name, schedule=None) as made:
        BashOperator(task_id="say", bash_command=f"echo {made.dag_id}")
