-- case: plain
-- truth-read: db_attribution.m_events
SELECT * FROM db_attribution.m_events

-- case: three levels, quoted, upper case
-- truth-read: marketing.db_attribution.m_events
SELECT e.* FROM `Marketing`.`DB_ATTRIBUTION`.M_Events AS e WHERE e.dt = '2026-01-01' -- FROM db.not_this

-- case: joins of every kind
-- truth-read: db_attribution.m_events, db_attribution.m_costs, crm.customers, crm.blocked, ref.countries
SELECT /*+ BROADCAST(c) */ e.id, c.country, n.name
FROM db_attribution.m_events e
LEFT JOIN crm.customers c USING (customer_id)
LEFT ANTI JOIN crm.blocked b ON b.id = c.id
FULL OUTER JOIN db_attribution.m_costs k ON k.id = e.id AND k.dt = e.dt
CROSS JOIN ref.countries n

-- case: old join
-- truth-read: sales.orders, sales.lines
SELECT count(*) FROM sales.orders o, sales.lines l WHERE o.id = l.order_id

-- case: sub-queries everywhere
-- truth-read: sales.orders, ref.rates, crm.vip, crm.blocked, sales.refunds
SELECT o.*, (SELECT max(rate) FROM ref.rates r WHERE r.dt = o.dt) AS rate
FROM (SELECT * FROM sales.orders WHERE NOT EXISTS (SELECT 1 FROM crm.blocked)) o
WHERE o.customer IN (SELECT id FROM crm.vip)
  AND o.amount > ALL (SELECT amount FROM sales.refunds)

-- case: CTEs, one with the name of a table
-- truth-read: sales.orders, sales.lines
WITH orders AS (SELECT * FROM sales.orders), lines AS (SELECT * FROM sales.lines JOIN orders USING (id))
SELECT * FROM orders JOIN lines USING (id)

-- case: recursive CTE
-- truth-read: hr.staff
WITH RECURSIVE chain (id, boss) AS (
  SELECT id, boss FROM hr.staff WHERE boss IS NULL
  UNION ALL SELECT s.id, s.boss FROM hr.staff s JOIN chain c ON s.boss = c.id
) SELECT * FROM chain

-- case: a CTE that reads the table of its own name
-- truth-read: db_attribution.m_events
USE db_attribution;
WITH m_events AS (SELECT * FROM m_events WHERE dt > '2026-01-01') SELECT * FROM m_events;

-- case: set operations
-- truth-read: a1.t, a2.t, a3.t
SELECT id FROM a1.t UNION ALL (SELECT id FROM a2.t EXCEPT SELECT id FROM a3.t) ORDER BY 1 LIMIT 10

-- case: time travel
-- truth-read: db_attribution.m_events, db_attribution.m_roi, db_attribution.m_costs
SELECT * FROM db_attribution.m_events VERSION AS OF 12 a
JOIN db_attribution.m_roi TIMESTAMP AS OF date_sub(current_date(), 1) b ON a.id = b.id
JOIN db_attribution.m_costs@v7 c ON a.id = c.id

-- case: SYSTEM_VERSION
-- truth-read: db_attribution.m_events
SELECT * FROM db_attribution.m_events FOR SYSTEM_VERSION AS OF 3

-- case: pivot
-- truth-read: sales.monthly
SELECT * FROM sales.monthly PIVOT (sum(amount) AS s FOR month IN (1 AS jan, 2 AS feb))

-- case: unpivot
-- truth-read: sales.monthly
SELECT * FROM sales.monthly UNPIVOT INCLUDE NULLS (amount FOR month IN (jan, feb AS february))

-- case: lateral views
-- truth-read: web.sessions
SELECT s.id, page, pos FROM web.sessions s LATERAL VIEW OUTER posexplode(s.pages) p AS pos, page WHERE page <> ''

-- case: lateral sub-query and table functions
-- truth-read: web.sessions, web.bots
SELECT * FROM web.sessions s, LATERAL explode(s.pages) AS p(page), LATERAL (SELECT max(x) m FROM web.bots b WHERE b.ip = s.ip), range(3)

-- case: change feed of a table by its name as a text
-- truth-read: db_attribution.m_events
SELECT * FROM table_changes('db_attribution.m_events', 2, 10)

-- case: files, not tables
SELECT * FROM delta.`s3://bucket/raw/x` JOIN parquet.`/mnt/y` USING (id) JOIN read_files('s3://bucket/z', format => 'csv') USING (id)

-- case: semi-structured columns and casts
-- truth-read: web.raw
SELECT body:user.name::string, body:items[0].id, r.meta.`from`.x, CAST(v AS MAP<STRING, ARRAY<INT>>) FROM web.raw r

-- case: windows and QUALIFY
-- truth-read: web.sessions
SELECT *, row_number() OVER w AS rn FROM web.sessions WINDOW w AS (PARTITION BY ip ORDER BY ts) QUALIFY rn = 1

-- case: lambda, higher order functions, struct
-- truth-read: web.sessions
SELECT transform(pages, (p, i) -> named_struct('p', p, 'i', i)), filter(pages, p -> p LIKE '%;%') FROM web.sessions

-- case: FROM first
-- truth-read: web.sessions, web.bots
FROM web.sessions s JOIN web.bots b ON s.ip = b.ip SELECT s.*

-- case: pipe syntax
-- truth-read: web.sessions, web.bots
FROM web.sessions |> WHERE ts > '2026-01-01' |> JOIN web.bots USING (ip) |> AGGREGATE count(*) GROUP BY ip

-- case: TABLE as a query
-- truth-read: web.sessions, web.bots
TABLE web.sessions UNION ALL TABLE web.bots

-- case: VALUES, and a query of no table
SELECT * FROM VALUES (1, 'a;b'), (2, 'INSERT INTO x.y') AS t(id, name)

-- case: sample, hints, sort by
-- truth-read: web.sessions
SELECT /*+ REPARTITION(10, ip) */ ip FROM web.sessions TABLESAMPLE (10 PERCENT) REPEATABLE (3) s DISTRIBUTE BY ip SORT BY ts

-- case: group by rollup, grouping sets, filter clause
-- truth-read: sales.orders
SELECT country, city, count(*) FILTER (WHERE paid) FROM sales.orders GROUP BY GROUPING SETS ((country, city), (country), ())

-- case: IDENTIFIER with a text
-- truth-read: sales.orders, ref.rates
SELECT * FROM IDENTIFIER('sales.orders') JOIN IDENTIFIER("ref" || ".rates") USING (id)

-- case: IDENTIFIER with a parameter
-- truth-unknown: the parameter is given at run time
SELECT * FROM IDENTIFIER(:table)

-- case: name without a schema
-- truth-unknown: which schema is in use is the connection's affair
SELECT * FROM m_events

-- case: name after USE, and after another catalog
-- truth-read: crm.customers
-- truth-unknown: the default schema of the other catalog
USE SCHEMA crm; SELECT * FROM customers; USE CATALOG other; SELECT * FROM customers;

-- case: columns and aliases that look like tables
-- truth-read: sales.orders
SELECT sales.lines.amount, t.`from`, t.update, t.delete FROM sales.orders AS t WHERE t.merge = 'DELETE FROM sales.lines'

-- case: comments of all kinds
-- truth-read: sales.orders
/* DROP TABLE sales.orders; /* nested */ */ SELECT 1 -- ; DELETE FROM sales.orders
FROM sales.orders /* ; */ WHERE x = '--' ;

-- case: DESCRIBE, SHOW
-- truth-read: sales.orders, sales.lines
DESCRIBE TABLE EXTENDED sales.orders; SHOW PARTITIONS sales.lines; SHOW TABLES IN sales; DESCRIBE SCHEMA EXTENDED sales; SHOW SCHEMAS LIKE 'a*'

-- case: EXPLAIN
-- truth-read: sales.orders
EXPLAIN EXTENDED SELECT * FROM sales.orders

-- case: deep nesting of functions
-- truth-read: sales.orders
SELECT coalesce(nullif(trim(lower(regexp_replace(concat_ws('-', a, b, CASE WHEN c IN (1, 2) THEN 'x' ELSE (CASE d WHEN 1 THEN 'y' END) END), '[^a-z;]', ''))), ''), 'none') FROM sales.orders

-- case: Hive variables in values
-- truth-read: sales.orders
SELECT * FROM sales.orders WHERE dt = '${hiveconf:dt}' AND n > ${hiveconf:n} AND x = :x AND y = ?

-- case: Hive variable for a schema
-- truth-unknown: the schema
SELECT * FROM ${schema}.orders
