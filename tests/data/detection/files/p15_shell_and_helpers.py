# truth-read: raw.x
# truth-written: stage.x
# truth-unknown: SQL in a shell's text, a table given to a helper
from qu.warehouse import run_sql, submit

BashOperator(task_id="a", bash_command="spark-sql -e \"INSERT INTO stage.y SELECT 1\"")
submit("INSERT INTO stage.x SELECT * FROM raw.x")
submit(f"DELETE FROM {table} WHERE dt = '{day}'")
