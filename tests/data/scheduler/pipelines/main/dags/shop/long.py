"""A task that goes on when the test says so, and imports and opens what it needs only then."""

import time
from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import get_current_context
from utils import colour
from utils.notes import folder_of, note

with DAG("shop.long", schedule=None, start_date=datetime(2024, 1, 1)):

    @task
    def wait():
        context = get_current_context()
        note(context, "started", colour=colour.COLOUR)
        end = time.monotonic() + 600
        while not (folder_of(context) / "released").exists():
            if time.monotonic() > end:
                raise TimeoutError("nobody released this task")
            time.sleep(0.1)
        from utils import late

        beside = Path(__file__).with_name("note.txt").read_text().strip()
        note(context, "went_on", colour=colour.COLOUR, late=late.LATE, note=beside, file=__file__)

    @task
    def after():
        note(get_current_context(), "after", colour=colour.COLOUR)

    wait() >> after()
