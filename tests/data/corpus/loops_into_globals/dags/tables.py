from airflow import DAG
from airflow.operators.bash import BashOperator

for table in ("orders", "visits", "costs"):
    dag = DAG(f"load_{table}", schedule=None, tags=["loop"])
    BashOperator(task_id="load", bash_command=f"echo {table} of {dag.dag_id}", dag=dag)
    globals()[dag.dag_id] = dag
