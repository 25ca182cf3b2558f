from airflow.decorators import dag, task


@dag(schedule=None)
def blank():
    @task
    def say():
        return "blank"

    say()


blank()
