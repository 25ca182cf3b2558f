# truth-read: raw.orders, db_attribution.m_events
# truth-written: stage.orders, db_attribution.m_roi, stage.lines
from dagbranch_env import schema
from dagbranch_env import schema as own

TABLE = "stage.orders"
SCHEMA = schema("db_attribution")
QUERY = f"INSERT INTO {TABLE} SELECT * FROM raw.orders"


def run(cursor):
    cursor.execute(QUERY)
    cursor.execute(f"""
        INSERT OVERWRITE TABLE {SCHEMA}.m_roi
        SELECT * FROM {own('db_attribution')}.m_events
    """)
    cursor.execute("DELETE FROM %s WHERE dt = %%s" % "stage.lines", ["2026-01-01"])
