from airflow import DAG

dag = DAG('bad_arguments', schedule=None, no_such_argument=1)
