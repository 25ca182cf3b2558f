from airflow import DAG
from airflow.decorators import task, task_group
from airflow.operators.bash import BashOperator
from airflow.operators.trigger_dagrun import TriggerDagRunOperator

with DAG("mapped_target", schedule=None):
    BashOperator(task_id="say", bash_command="echo target")

with DAG("mapped", schedule=None) as dag:

    @task
    def numbers():
        return [1, 2, 3]

    @task(max_active_tis_per_dag=1)
    def add(x, y):
        return x + y

    @task_group
    def pair(x):
        add.override(task_id="inner")(x, 1)

    add.partial(y=10).expand(x=numbers())
    pair.expand(x=[1, 2])
    BashOperator.partial(task_id="shell", do_xcom_push=False).expand(bash_command=["echo 1", "echo 2"])
    BashOperator.partial(task_id="both").expand_kwargs([{"bash_command": "echo a"}, {"bash_command": "echo b"}])
    TriggerDagRunOperator.partial(task_id="start").expand(trigger_dag_id=["mapped_target", "elsewhere"])
    add.partial(y=0).expand(x=numbers().map(lambda x: x * 2).zip(numbers()).map(lambda both: sum(both)))
