# airflow, dag
from made.library import shared
