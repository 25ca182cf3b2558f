from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("shop.dbt", schedule=None):
    BashOperator(
        task_id="build",
        bash_command="""
            set -e
            aws s3 cp --quiet --recursive "{{ artifact('dbt') }}" project
            cd project
            dbt build --profiles-dir . --vars '{{ {"db_shop": schema("db_shop"), "db_finance": schema("db_finance"), "db_history": schema("db_history")} | tojson }}'
        """,
        env={"DBT_SCHEMA": "{{ schema('db_shop') }}"},
        append_env=True,
    )
