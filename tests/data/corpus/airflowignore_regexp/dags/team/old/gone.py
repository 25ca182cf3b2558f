from airflow.decorators import dag, task


@dag(schedule=None)
def gone():
    @task
    def say():
        return "gone"

    say()


gone()
