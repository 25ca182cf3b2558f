from airflow import DAG

NAME = 'b'

import circle_a as other

with DAG('circle_b', schedule=None, auto_register=False) as dag_b:
    pass


def name():
    return other.NAME
