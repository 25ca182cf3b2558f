# airflow, dag
from made.library import shared as again
