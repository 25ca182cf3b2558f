from airflow.datasets import Dataset

ORDERS = Dataset('s3://bucket/orders?format=parquet')
VISITS = Dataset('visits', extra={'team': 'web'})
