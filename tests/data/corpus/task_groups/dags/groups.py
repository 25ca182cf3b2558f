from airflow import DAG
from airflow.decorators import task, task_group
from airflow.models.baseoperator import chain, cross_downstream
from airflow.operators.empty import EmptyOperator
from airflow.utils.edgemodifier import Label
from airflow.utils.task_group import TaskGroup

with DAG("groups", schedule=None) as dag:
    start = EmptyOperator(task_id="start")
    with TaskGroup("outer", tooltip="all of it") as outer:
        with TaskGroup("inner", prefix_group_id=False, ui_color="#ff0000"):
            inner = [EmptyOperator(task_id=f"inner_{number}") for number in range(3)]
        last = EmptyOperator(task_id="last", trigger_rule="none_failed")
        inner >> last

    @task_group(default_args={"retries": 4})
    def decorated(x):
        """What the group does."""

        @task
        def one(value):
            return value

        return one(one(x))

    end = EmptyOperator(task_id="end")
    start >> Label("go") >> outer >> decorated("x") >> end
    cross_downstream([start, last], [end])
    chain(start, [EmptyOperator(task_id="a"), EmptyOperator(task_id="b")], [EmptyOperator(task_id="c"), EmptyOperator(task_id="d")])
