from airflow.decorators import dag, task


@dag(schedule=None)
def kept():
    @task
    def say():
        return "kept"

    say()


kept()
