# truth-read: raw.orders, raw.lines, raw.x
# truth-written: stage.orders, stage.lines
# truth-unknown: the default schema of a connection
import pandas as pd
from airflow.providers.common.sql.hooks.sql import DbApiHook

frame = pd.read_sql("SELECT * FROM raw.orders", con)
frame.to_sql("orders", con, schema="stage", if_exists="append")
more = pd.read_sql_table("lines", con, schema="raw")
hook = DbApiHook.get_hook("warehouse")
hook.insert_rows(table="stage.lines", rows=[])
hook.get_records("SELECT count(*) FROM raw.x WHERE dt = %s", parameters=["2026-01-01"])
frame.to_sql("somewhere", con)
