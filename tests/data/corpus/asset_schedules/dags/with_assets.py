from datetime import datetime

from airflow.sdk import DAG, Asset, AssetAlias, asset
from airflow.providers.standard.operators.bash import BashOperator
from airflow.timetables.assets import AssetOrTimeSchedule
from airflow.timetables.trigger import CronTriggerTimetable
from data.assets import ORDERS, VISITS

START = datetime(2026, 1, 1)
with DAG("producer", schedule="@daily", start_date=START):
    BashOperator(task_id="orders", bash_command=f"echo {ORDERS.uri}", outlets=[ORDERS])
    BashOperator(task_id="alias", bash_command="echo", outlets=[AssetAlias("later")], inlets=[VISITS])
with DAG("consumer", schedule=[ORDERS, Asset.ref(name="visits")], start_date=START):
    BashOperator(task_id="read", bash_command="echo", inlets=[ORDERS])
with DAG("either", schedule=(ORDERS | (VISITS & Asset("s3://bucket/costs"))), start_date=START):
    BashOperator(task_id="read", bash_command="echo")
with DAG("timed", start_date=START, schedule=AssetOrTimeSchedule(
    timetable=CronTriggerTimetable("0 1 * * 3", timezone="UTC"), assets=(ORDERS & VISITS))):
    BashOperator(task_id="read", bash_command="echo")


@asset(schedule="@daily", uri="s3://bucket/made")
def made():
    return 1


@asset(schedule=None)
def made_of_two(self, made):
    return made
