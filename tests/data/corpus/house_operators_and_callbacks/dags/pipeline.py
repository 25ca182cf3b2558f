import functools
from datetime import datetime, timedelta

from airflow import DAG
from airflow.models.param import Param
from airflow.operators.python import BranchPythonOperator, PythonOperator
from house.callbacks import make, on_failure
from house.operators import LoadOperator


class Local(LoadOperator):
    """Made in the DAG file itself."""

    operator_extra_links = ()


def choose(prefix, **context):
    return f"{prefix}_done"


with DAG(
    "house.pipeline",
    schedule=timedelta(hours=6),
    start_date=datetime(2026, 1, 1),
    catchup=True,
    max_active_runs=4,
    params={"table": Param("orders", type="string", enum=["orders", "costs"])},
    user_defined_macros={"schema_of": lambda name: f"db_{name}", "schema": "own"},
    user_defined_filters={"shout": str.upper},
    on_failure_callback=on_failure,
    on_success_callback=[make("success"), functools.partial(on_failure)],
    default_args={"on_retry_callback": make("retry"), "retries": 2, "retry_delay": timedelta(minutes=3), "pool": "own"},
    render_template_as_native_obj=True,
    dagrun_timeout=timedelta(hours=1),
    owner_links={"team": "https://example.invalid"},
) as dag:
    load = LoadOperator(task_id="load", statement="statements/load.sql", options={"x": "{{ ds }}"}, owner="team")
    local = Local(task_id="local", statement="SELECT 1", trigger_rule="all_done", queue="big", priority_weight=7)
    branch = BranchPythonOperator(task_id="branch", python_callable=functools.partial(choose, "local"))
    last = PythonOperator(task_id="local_done", python_callable=lambda: 1, op_kwargs={"a": [1, {"b": "{{ ds }}"}]})
    load >> local >> branch >> last
