from airflow import DAG
from broken.lib import fail

with DAG('calls', schedule=None) as dag:
    fail('deep')
