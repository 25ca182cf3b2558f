"""Setup and teardown, a mapped task, and XComs between them."""

from datetime import datetime

from airflow import DAG
from airflow.decorators import setup, task, teardown
from airflow.operators.python import get_current_context
from utils.colour import COLOUR
from utils.notes import note

with DAG("shop.flow", schedule=None, start_date=datetime(2024, 1, 1)):

    @setup
    def open_desk():
        note(get_current_context(), "open_desk", colour=COLOUR)
        return {"numbers": [7, 8, 9]}

    @task
    def numbers(desk):
        return desk["numbers"]

    @task
    def double(number):
        return 2 * number

    @task
    def total(doubled):
        note(get_current_context(), "total", doubled=sorted(doubled), colour=COLOUR)

    @teardown
    def close_desk(desk):
        note(get_current_context(), "close_desk", desk=desk, colour=COLOUR)

    desk = open_desk()
    total(double.expand(number=numbers(desk))) >> close_desk(desk)
