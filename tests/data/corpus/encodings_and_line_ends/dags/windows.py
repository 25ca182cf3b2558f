from airflow import DAG
from airflow.decorators import task

with DAG('windows', schedule=None, doc_md='''a
b''') as dag:

    @task
    def say():
        return 1

    say()