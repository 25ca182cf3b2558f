# truth-read: raw.x
# truth-unknown: a function that is only called like dagbranch's
from qu.config import schema

spark.sql(f"INSERT INTO {schema('db_attribution')}.m_roi SELECT * FROM raw.x")
