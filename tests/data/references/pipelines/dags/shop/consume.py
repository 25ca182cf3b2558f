"""Every way in which assets start an airflow dag."""

from airflow.timetables.trigger import CronTriggerTimetable
from pendulum import datetime

from shop.versions import DAG, Asset, AssetAlias, AssetOrTimeSchedule, EmptyOperator

START = datetime(2026, 1, 1)
SCHEDULES = {
    "one": Asset("s3://shop/orders"),
    "listed": [Asset("s3://shop/orders"), Asset("costs")],
    "condition": Asset("s3://shop/orders") & (Asset("costs") | AssetAlias("late")),
    "shared": [Asset("s3://lake/raw")],
    "timed": AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 3 * * *", timezone="UTC"), assets=[Asset("s3://shop/orders")]
    ),
    "daily": "@daily",
}

for name, schedule in SCHEDULES.items():
    with DAG(f"shop.{name}", schedule=schedule, start_date=START, catchup=True) as dag:
        EmptyOperator(task_id="only")
    globals()[name] = dag
