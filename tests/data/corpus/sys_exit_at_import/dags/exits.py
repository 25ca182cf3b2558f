import sys

from airflow import DAG

dag = DAG('exits', schedule=None)
sys.exit('no DAGs on this machine')
