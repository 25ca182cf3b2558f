from helpers.text import TEXT
from airflow.decorators import dag, task


@dag(schedule=None)
def at_root():
    @task
    def say():
        return TEXT

    say()


at_root()
