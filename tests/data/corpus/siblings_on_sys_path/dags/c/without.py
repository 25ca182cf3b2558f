from airflow import DAG
from config import NAME

dag = DAG(f'siblings_{NAME}', schedule=None)
