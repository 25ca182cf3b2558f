-- truth-read: raw.orders
-- truth-written: stage.orders, stage.views
-- truth-unknown: the queries
INSERT INTO stage.orders {{ params.query }};
CREATE OR REPLACE TABLE stage.views AS {{ params.other }};
WITH base AS ({{ params.base }}) SELECT * FROM base JOIN raw.orders USING (id)
