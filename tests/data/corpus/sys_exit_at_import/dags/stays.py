from airflow.decorators import dag, task


@dag(schedule=None)
def stays():
    @task
    def say():
        return "stays"

    say()


stays()
