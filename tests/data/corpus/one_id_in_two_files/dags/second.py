from airflow import DAG

with DAG('twice', schedule=None, tags=['second']):
    pass
