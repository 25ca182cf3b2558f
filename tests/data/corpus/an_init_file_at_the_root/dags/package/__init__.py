from airflow import DAG

with DAG('in_package', schedule=None, auto_register=False) as dag:
    pass
