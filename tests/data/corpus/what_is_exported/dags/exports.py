from airflow import DAG
from airflow.decorators import dag

listed = [DAG("listed", schedule=None)]
DAG("dropped", schedule=None)
kept = DAG("global", schedule=None)
in_dict = {"of": DAG("in_dict", schedule=None)}

with DAG("registered", schedule=None):
    pass
with DAG("unregistered", schedule=None, auto_register=False):
    pass
with DAG("unregistered_global", schedule=None, auto_register=False) as unregistered_global:
    pass


@dag(schedule=None)
def decorated():
    pass


def inside():
    return DAG("inside_function", schedule=None)


decorated()
inside()
del dag
