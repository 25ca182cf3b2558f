"""An airflow dag that does all that a preview should not do."""

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from pendulum import datetime, duration

from shop.versions import DAG, BashOperator, task


def call_back(context):
    return context


def mail():
    return SmtpNotifier(from_email="dags@example.com", to="boss@example.com", subject="-", html_content="-")


with DAG(
    "shop.runs",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1),
    catchup=True,
    max_active_runs=7,
    max_active_tasks=9,
    default_args={"retries": 5, "retry_delay": duration(minutes=1), "pool": "big", "email": ["boss@example.com"]},
    on_failure_callback=[call_back, mail()],
    on_success_callback=mail(),
) as dag:
    BashOperator(
        task_id="says",
        bash_command=f"echo {dag.catchup} {dag.max_active_runs} {dag.max_active_tasks} {dag.default_args['retries']}",
    )
    BashOperator(
        task_id="own",
        bash_command="echo",
        retries=2,
        pool="small",
        email="me@example.com",
        on_failure_callback=[mail(), call_back],
        on_retry_callback=mail(),
    )
    BashOperator.partial(
        task_id="mapped", retries=4, pool="small", email="me@example.com", on_failure_callback=[mail()]
    ).expand(bash_command=["echo a", "echo b"])

    @task(email=["me@example.com"])
    def taskflow():
        return 1

    taskflow()

with DAG("shop.one_at_a_time", schedule=None, max_active_runs=1, max_active_tasks=2):
    BashOperator(task_id="only", bash_command="echo")
