from datetime import datetime

from airflow import DAG
from airflow.operators.subdag import SubDagOperator
from sub.child import child_of

with DAG("team.parent", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    SubDagOperator(task_id="section", subdag=child_of("team.parent", "section"))
    SubDagOperator(task_id="other", subdag=child_of(dag.dag_id, "other"))
