from airflow import DAG

with DAG('in_init', schedule=None):
    pass
