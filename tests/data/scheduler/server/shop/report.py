from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import get_current_context
from utils.colour import COLOUR
from utils.notes import note

with DAG("shop.report", schedule=None, start_date=datetime(2024, 1, 1), is_paused_upon_creation=False):

    @task
    def write():
        note(get_current_context(), "write", colour=COLOUR)

    write()
