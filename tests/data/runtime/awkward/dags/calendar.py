"""An airflow DAG file called like a module of Python's own."""

import calendar

from versions import EmptyOperator, MainDag

with MainDag("calendar", schedule=None):
    EmptyOperator(task_id=calendar.month_name[1].lower())
