from airflow import DAG

dag = DAG('marked', schedule=None, description='Größe')
