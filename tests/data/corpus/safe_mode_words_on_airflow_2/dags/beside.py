from airflow.decorators import dag, task


@dag(schedule=None)
def beside():
    @task
    def say():
        return "beside"

    say()


beside()
