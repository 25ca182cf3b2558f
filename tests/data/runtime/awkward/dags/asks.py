"""Asks about its environment when airflow reads the DAG."""

from dagbranch_env import commit, environment, lane, schema, setting
from versions import BashOperator, MainDag

with MainDag("asks", schedule=None):
    BashOperator(
        task_id="facts",
        bash_command=f"{environment} {lane} {commit} {schema('db_attribution')} {setting('src_conn')} {setting('x', 'none')}",
    )
