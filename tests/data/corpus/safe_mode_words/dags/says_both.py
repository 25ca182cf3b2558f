from airflow.decorators import dag, task


@dag(schedule=None)
def says_both():
    @task
    def say():
        return "says_both"

    say()


says_both()
