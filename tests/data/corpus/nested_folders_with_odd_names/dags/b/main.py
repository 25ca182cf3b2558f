from airflow.decorators import dag, task


@dag(schedule=None)
def main_b():
    @task
    def say():
        return "main_b"

    say()


main_b()
