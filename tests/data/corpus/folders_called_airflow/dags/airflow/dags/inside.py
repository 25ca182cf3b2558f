from airflow.decorators import dag, task


@dag(schedule=None)
def inside_airflow():
    @task
    def say():
        return "inside_airflow"

    say()


inside_airflow()
