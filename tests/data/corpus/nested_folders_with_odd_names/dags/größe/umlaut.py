from airflow.decorators import dag, task


@dag(schedule=None)
def umlaut():
    @task
    def say():
        return "umlaut"

    say()


umlaut()
