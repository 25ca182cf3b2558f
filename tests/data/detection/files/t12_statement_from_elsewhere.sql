-- truth-read: raw.orders
-- truth-unknown: the statement, and what stands before SELECT
{{ params.before }};
{{ params.verb }} SELECT * FROM raw.orders
