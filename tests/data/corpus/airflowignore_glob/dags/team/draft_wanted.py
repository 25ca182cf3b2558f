from airflow.decorators import dag, task


@dag(schedule=None)
def draft_wanted():
    @task
    def say():
        return "draft_wanted"

    say()


draft_wanted()
