from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.utils.dag_parsing_context import get_parsing_context

wanted = get_parsing_context().dag_id
for name in ("made.one", "made.two", "made_three"):
    if wanted not in (None, name):
        continue
    with DAG(name, schedule=None) as dag:
        BashOperator(task_id="say", bash_command=f"echo {dag.dag_id}")
