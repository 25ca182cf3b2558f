from airflow import DAG
from airflow.operators.bash import BashOperator


def report(name, **arguments):
    with DAG(name, schedule=None, **arguments) as made:
        BashOperator(task_id="run", bash_command="sql/report.sh", env={"query": "sql/query.sql"})
        BashOperator(task_id="shared", bash_command="shared.sh")
    return made
