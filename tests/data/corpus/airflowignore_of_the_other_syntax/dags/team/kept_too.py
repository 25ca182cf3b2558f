from airflow.decorators import dag, task


@dag(schedule=None)
def kept_too():
    @task
    def say():
        return "kept_too"

    say()


kept_too()
