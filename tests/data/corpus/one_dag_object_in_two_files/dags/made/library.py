from airflow import DAG as Pipeline

shared = Pipeline('shared_object', schedule=None, auto_register=False)
