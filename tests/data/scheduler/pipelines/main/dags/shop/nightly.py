from datetime import datetime

from airflow import DAG
from airflow.decorators import task

with DAG("shop.nightly", schedule="@yearly", start_date=datetime(2020, 1, 1), catchup=True):

    @task
    def count():
        pass

    count()
