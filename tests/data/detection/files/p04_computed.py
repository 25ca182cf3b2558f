# truth-read: raw.orders
# truth-unknown: tables that are arguments, statements that are arguments
def copy(spark, table, cursor, sql):
    spark.sql(f"INSERT INTO {table} SELECT * FROM raw.orders")
    spark.sql("INSERT INTO {}.x SELECT 1".format(table))
    spark.sql("TRUNCATE TABLE " + table)
    spark.table(table).write.saveAsTable(table + "_copy")
    cursor.execute(sql)
