from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG('cycle', schedule=None):
    one, two = (BashOperator(task_id=name, bash_command='echo') for name in 'ab')
    one >> two >> one
