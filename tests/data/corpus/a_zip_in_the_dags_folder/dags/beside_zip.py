from airflow.decorators import dag, task


@dag(schedule=None)
def beside_zip():
    @task
    def say():
        return "beside_zip"

    say()


beside_zip()
