from airflow.decorators import dag, task


@dag(schedule=None)
def hyphen():
    @task
    def say():
        return "hyphen"

    say()


hyphen()
