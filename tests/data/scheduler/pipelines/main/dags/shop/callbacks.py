"""Callbacks that import what they need only when they run."""

from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from utils.notes import note


def told(name):
    def callback(context):
        from utils import late

        note(context, name, late=late.LATE, file=late.__file__, dag_id=context["dag"].dag_id)

    return callback


with DAG("shop.callbacks", schedule=None, start_date=datetime(2024, 1, 1)):

    @task(on_success_callback=told("task_succeeded"))
    def succeeds():
        pass

    @task(on_failure_callback=told("task_failed"))
    def fails():
        raise ValueError("as it should")

    succeeds() >> fails()
