from airflow.decorators import dag, task


@dag(schedule=None)
def a_first():
    @task
    def say():
        return "a_first"

    say()


a_first()
