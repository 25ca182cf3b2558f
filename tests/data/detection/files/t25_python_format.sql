-- truth-read: raw.x
-- truth-unknown: what format() puts in
INSERT INTO {schema}.y SELECT * FROM raw.x WHERE dt = '{ds}'
