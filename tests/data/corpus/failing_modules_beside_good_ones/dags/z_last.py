from airflow.decorators import dag, task


@dag(schedule=None)
def z_last():
    @task
    def say():
        return "z_last"

    say()


z_last()
