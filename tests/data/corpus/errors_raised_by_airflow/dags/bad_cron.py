from datetime import datetime

from airflow import DAG

dag = DAG('bad_cron', schedule='every day', start_date=datetime(2026, 1, 1))
