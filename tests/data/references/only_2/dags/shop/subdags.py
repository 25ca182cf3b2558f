"""SubDAGs of an airflow dag, whose ids are computed from the parent's name or from the parent itself."""

from airflow.operators.subdag import SubDagOperator
from pendulum import datetime

from shop.versions import DAG, EmptyOperator, TriggerDagRunOperator

PARENT = "shop.parent"
START = datetime(2026, 1, 1)


def section(parent_id, task_id):
    with DAG(f"{parent_id}.{task_id}", schedule="@daily", start_date=START) as child:
        EmptyOperator(task_id="inner")
        TriggerDagRunOperator(task_id="triggers", trigger_dag_id="shop.produce")
    return child


def nested(parent_id):
    with DAG(f"{parent_id}.outer", schedule="@daily", start_date=START) as outer:
        SubDagOperator(task_id="inner", subdag=section(f"{parent_id}.outer", "inner"))
    return outer


with DAG(PARENT, schedule="@daily", start_date=START) as dag:
    SubDagOperator(task_id="by_name", subdag=section(PARENT, "by_name"))
    SubDagOperator(task_id="by_object", subdag=section(dag.dag_id, "by_object"))
    SubDagOperator(task_id="outer", subdag=nested(PARENT))

later = DAG("shop.later", schedule="@daily", start_date=START)
child = section("shop.later", "given")
SubDagOperator(task_id="given", subdag=child, dag=later)
