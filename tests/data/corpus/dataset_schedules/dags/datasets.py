from datetime import datetime

from airflow import DAG
from airflow.datasets import Dataset, DatasetAlias
from airflow.operators.bash import BashOperator
from airflow.timetables.datasets import DatasetOrTimeSchedule
from airflow.timetables.trigger import CronTriggerTimetable
from data.sets import ORDERS, VISITS

START = datetime(2026, 1, 1)
with DAG("producer", schedule="@daily", start_date=START):
    BashOperator(task_id="orders", bash_command=f"echo {ORDERS.uri}", outlets=[ORDERS])
    BashOperator(task_id="alias", bash_command="echo", outlets=[DatasetAlias("later")], inlets=[VISITS])
with DAG("consumer", schedule=[ORDERS, VISITS], start_date=START):
    BashOperator(task_id="read", bash_command="echo", inlets=[ORDERS])
with DAG("either", schedule=(ORDERS | (VISITS & Dataset("s3://bucket/costs"))), start_date=START):
    BashOperator(task_id="read", bash_command="echo")
with DAG("timed", start_date=START, schedule=DatasetOrTimeSchedule(
    timetable=CronTriggerTimetable("0 1 * * 3", timezone="UTC"), datasets=(ORDERS & VISITS))):
    BashOperator(task_id="read", bash_command="echo")
