# truth-read: raw.orders
# truth-written: stage.orders
# truth-unknown: what is added
def a(cursor, filters):
    sql = "INSERT INTO stage.orders SELECT * FROM raw.orders"
    for one in filters:
        sql += f" AND {one}"
    cursor.execute(sql)
