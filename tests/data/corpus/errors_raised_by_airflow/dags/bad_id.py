from airflow import DAG

dag = DAG('no blanks in ids', schedule=None)
