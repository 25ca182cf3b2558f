from airflow.sdk import Asset

ORDERS = Asset('orders', uri='s3://bucket/orders?format=parquet')
VISITS = Asset('visits', extra={'team': 'web'}, group='web')
