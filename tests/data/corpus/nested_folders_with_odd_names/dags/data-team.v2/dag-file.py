from airflow.decorators import dag, task


@dag(schedule=None)
def dotted():
    @task
    def say():
        return "dotted"

    say()


dotted()
