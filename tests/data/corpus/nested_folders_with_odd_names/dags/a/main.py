from airflow.decorators import dag, task


@dag(schedule=None)
def main_a():
    @task
    def say():
        return "main_a"

    say()


main_a()
