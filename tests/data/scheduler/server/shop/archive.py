from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import get_current_context
from utils.colour import COLOUR
from utils.notes import note

with DAG("shop.archive", schedule=None, start_date=datetime(2024, 1, 1), is_paused_upon_creation=False):

    @task
    def keep():
        note(get_current_context(), "keep", colour=COLOUR)

    keep()
