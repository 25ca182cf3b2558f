from airflow.decorators import dag, task


@dag(schedule=None)
def below():
    @task
    def say():
        return "below"

    say()


below()
