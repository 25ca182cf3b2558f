INSERT INTO {{ params.table }} -- {{ schema_of('x') | shout }}
