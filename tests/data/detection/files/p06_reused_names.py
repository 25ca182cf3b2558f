# truth-read: raw.orders, raw.lines
# truth-written: stage.orders, stage.lines, stage.old, stage.new
# truth-unknown: the argument of c
def a(hook):
    sql = "INSERT INTO stage.orders SELECT * FROM raw.orders"
    hook.run(sql)


def b(hook):
    sql = "INSERT INTO stage.lines SELECT * FROM raw.lines"
    hook.run(sql, autocommit=True)


def c(hook, sql):
    hook.run(sql)


def d(hook, old):
    if old:
        statement = "TRUNCATE TABLE stage.old"
    else:
        statement = "TRUNCATE TABLE stage.new"
    hook.run(statement)
