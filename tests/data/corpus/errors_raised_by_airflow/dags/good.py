from airflow.decorators import dag, task


@dag(schedule=None)
def good():
    @task
    def say():
        return "good"

    say()


good()
