# truth-read: raw.x
# truth-unknown: a file that is not there
from pathlib import Path

SQLExecuteQueryOperator(task_id="a", sql="t01_daily_partition.sql")
SQLExecuteQueryOperator(task_id="b", sql="sql/not_there.sql")
spark.sql(Path(__file__).with_name("t05_loop_of_tables.sql").read_text())
spark.sql("SELECT * FROM raw.x")
