# truth-read: db_attribution.m_events, raw.x
# truth-written: db_attribution.m_roi, stage.x
import dagbranch_env
from airflow.decorators import dag, task


@dag(dag_id="qu.roi")
def roi():
    @task
    def load():
        from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook

        DatabricksSqlHook("warehouse").run(
            [
                f"DELETE FROM {dagbranch_env.schema('db_attribution')}.m_roi",
                f"INSERT INTO {dagbranch_env.schema('db_attribution')}.m_roi "
                f"SELECT * FROM {dagbranch_env.schema('db_attribution')}.m_events",
            ]
        )

    @task.sql(conn_id="warehouse")
    def by_text():
        return "INSERT INTO stage.x SELECT * FROM raw.x"

    load() >> by_text()


roi()
