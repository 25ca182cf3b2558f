# truth-read: raw.orders, raw.lines, web.sessions
# truth-written: stage.orders, stage.lines, mart.visits, mart.orders
TABLES = ["orders", "lines"]

for table in TABLES:
    spark.sql(f"INSERT INTO stage.{table} SELECT * FROM raw.{table}")

for source, target in [("web.sessions", "mart.visits"), ("raw.orders", "mart.orders")]:
    spark.table(source).write.saveAsTable(target)
