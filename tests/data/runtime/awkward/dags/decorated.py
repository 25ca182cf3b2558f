"""A decorated airflow DAG."""

from qu.common import START
from versions import dag_decorator, task_decorator


@dag_decorator(schedule="0 5 * * *", start_date=START, tags=["flow"])
def decorated():
    @task_decorator
    def extract():
        return [1, 2, 3]

    @task_decorator
    def double(number):
        return number * 2

    double.expand(number=extract())


decorated()
