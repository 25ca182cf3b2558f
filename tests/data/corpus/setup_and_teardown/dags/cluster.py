from airflow import DAG
from airflow.decorators import setup, task, teardown
from airflow.operators.bash import BashOperator

with DAG("cluster", schedule=None):

    @setup
    def start():
        return "id"

    @task
    def work():
        return 1

    @teardown(on_failure_fail_dagrun=True)
    def stop(cluster):
        return cluster

    with stop(start()):
        work()

    create = BashOperator(task_id="create", bash_command="echo create").as_setup()
    delete = BashOperator(task_id="delete", bash_command="echo delete")
    create >> BashOperator(task_id="use", bash_command="echo use") >> delete.as_teardown(setups=create)
