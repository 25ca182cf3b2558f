from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import get_current_context
from utils.colour import COLOUR
from utils.notes import note
from utils.orders import ORDERS

with DAG("shop.consume", schedule=[ORDERS], start_date=datetime(2024, 1, 1), is_paused_upon_creation=False):

    @task
    def follow():
        context = get_current_context()
        events = context.get("triggering_asset_events") or context["triggering_dataset_events"]
        sources = [event.source_dag_id for listed in events.values() for event in listed]
        note(context, "follow", colour=COLOUR, sources=sources)

    follow()
