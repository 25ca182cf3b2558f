from airflow import DAG

NAME = 'a'

import circle_b as other

with DAG('circle_a', schedule=None, auto_register=False) as dag_a:
    pass


def name():
    return other.NAME
