from airflow.decorators import dag, task


@dag(schedule=None)
def alone():
    @task
    def say():
        return "alone"

    say()


alone()
