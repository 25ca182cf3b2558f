"""The server's own DAG of an id, in modules of names, that the environments have too."""

from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import get_current_context
from utils import colour
from utils.notes import note

with DAG("shop.colours", schedule=None, start_date=datetime(2024, 1, 1), is_paused_upon_creation=False):

    @task
    def look():
        note(get_current_context(), "look", colour=colour.COLOUR, colour_file=colour.__file__, file=__file__)

    look()
