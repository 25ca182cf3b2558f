from airflow.decorators import dag, task


@dag(schedule=None)
def draft_one():
    @task
    def say():
        return "draft_one"

    say()


draft_one()
