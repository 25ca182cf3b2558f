-- case: insert overwrite a partition
-- truth-read: db_attribution.m_events, db_attribution.m_costs
-- truth-written: db_attribution.m_roi
INSERT OVERWRITE TABLE db_attribution.m_roi PARTITION (dt = '2026-01-01', country)
SELECT e.id, sum(c.cost), e.country FROM db_attribution.m_events e JOIN db_attribution.m_costs c ON e.id = c.id GROUP BY ALL

-- case: insert into, with columns and values
-- truth-written: ops.runs
INSERT INTO ops.runs (id, note) VALUES (1, 'a'), (2, 'b;c')

-- case: insert if not exists
-- truth-read: raw.x
-- truth-written: stage.x
INSERT OVERWRITE TABLE stage.x PARTITION (d = 1) IF NOT EXISTS SELECT * FROM raw.x

-- case: insert by name, replace where, replace using
-- truth-read: raw.x
-- truth-written: stage.x, stage.y
INSERT INTO stage.x BY NAME SELECT * FROM raw.x;
INSERT INTO stage.y REPLACE WHERE d >= '2026-01-01' SELECT * FROM raw.x;

-- case: insert a table
-- truth-read: raw.x
-- truth-written: stage.x
INSERT INTO stage.x TABLE raw.x

-- case: CTE before insert
-- truth-read: raw.x
-- truth-written: stage.x
WITH x AS (SELECT * FROM raw.x) INSERT INTO TABLE stage.x SELECT * FROM x

-- case: CTE within insert, of the target's own name
-- truth-read: raw.x
-- truth-written: stage.x
INSERT INTO stage.x WITH stage AS (SELECT * FROM raw.x), x AS (SELECT * FROM stage) SELECT * FROM x

-- case: insert into itself
-- truth-read: stage.x
-- truth-written: stage.x
INSERT OVERWRITE stage.x SELECT DISTINCT * FROM stage.x

-- case: Hive multi-insert
-- truth-read: raw.events, ref.kinds
-- truth-written: stage.clicks, stage.views, stage.rest
FROM (SELECT e.*, k.name FROM raw.events e JOIN ref.kinds k ON e.kind = k.id) t
INSERT OVERWRITE TABLE stage.clicks PARTITION (dt = '2026-01-01') SELECT id WHERE name = 'click'
INSERT INTO TABLE stage.views SELECT id WHERE name = 'view'
INSERT OVERWRITE TABLE stage.rest SELECT id, name WHERE name NOT IN ('click', 'view')

-- case: insert overwrite a directory
-- truth-read: sales.orders
INSERT OVERWRITE DIRECTORY 's3://bucket/out' USING parquet OPTIONS (compression 'snappy') SELECT * FROM sales.orders;
INSERT OVERWRITE LOCAL DIRECTORY '/tmp/out' ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' SELECT id FROM sales.orders;

-- case: insert into a path, which may be a table's
-- truth-read: sales.orders
-- truth-unknown: whose files these are
INSERT INTO delta.`s3://bucket/tables/orders` SELECT * FROM sales.orders

-- case: merge
-- truth-read: stage.customers, ref.countries
-- truth-written: crm.customers
MERGE INTO crm.customers AS t
USING (SELECT s.*, c.code FROM stage.customers s LEFT JOIN ref.countries c ON s.country = c.name) AS s
ON t.id = s.id AND t.dt >= '2026-01-01'
WHEN MATCHED AND s.deleted THEN DELETE
WHEN MATCHED AND s.updated_at > t.updated_at THEN UPDATE SET *
WHEN MATCHED THEN UPDATE SET t.seen = current_timestamp(), t.code = s.code
WHEN NOT MATCHED THEN INSERT (id, code) VALUES (s.id, s.code)
WHEN NOT MATCHED BY SOURCE AND t.active THEN UPDATE SET t.active = false

-- case: merge with schema evolution
-- truth-read: stage.customers
-- truth-written: crm.customers
MERGE WITH SCHEMA EVOLUTION INTO crm.customers t USING stage.customers s ON s.id = t.id WHEN NOT MATCHED THEN INSERT *

-- case: update and delete with sub-queries
-- truth-read: stage.fixes, crm.blocked
-- truth-written: crm.customers, crm.consents
UPDATE crm.customers c SET name = (SELECT max(name) FROM stage.fixes f WHERE f.id = c.id), n = n + 1 WHERE c.id > 3;
DELETE FROM crm.consents WHERE customer IN (SELECT id FROM crm.blocked)

-- case: update in the dialect of others
-- truth-read: stage.fixes
-- truth-written: crm.customers
UPDATE crm.customers SET name = f.name FROM stage.fixes f WHERE f.id = crm.customers.id

-- case: CTAS
-- truth-read: raw.x
-- truth-written: stage.x
CREATE OR REPLACE TABLE stage.x USING delta PARTITIONED BY (dt) CLUSTER BY (id) COMMENT 'it''s; x' TBLPROPERTIES ('a' = 'b') AS SELECT * FROM raw.x

-- case: CTAS as a table, as values
-- truth-read: raw.x
-- truth-written: stage.x, stage.y
CREATE TABLE stage.x AS TABLE raw.x; CREATE TABLE IF NOT EXISTS stage.y STORED AS ORC AS SELECT 1 AS id

-- case: create table with everything
-- truth-written: stage.x
CREATE EXTERNAL TABLE IF NOT EXISTS stage.x (
  id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 1), name STRING NOT NULL DEFAULT 'n' COMMENT 'the name',
  s STRUCT<a: INT, b: ARRAY<STRING>>, dt DATE, CONSTRAINT pk PRIMARY KEY (id)
) PARTITIONED BY (dt) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' STORED AS TEXTFILE LOCATION 's3://bucket/x'

-- case: create like, clones
-- truth-read: raw.x, raw.y, raw.z
-- truth-written: stage.x, stage.y, stage.z
CREATE TABLE stage.x LIKE raw.x; CREATE TABLE stage.y SHALLOW CLONE raw.y; CREATE OR REPLACE TABLE stage.z DEEP CLONE raw.z TIMESTAMP AS OF '2026-01-01'

-- case: replace table
-- truth-read: raw.x
-- truth-written: stage.x
REPLACE TABLE stage.x AS SELECT * FROM raw.x

-- case: views
-- truth-read: raw.x, raw.y
-- truth-written: stage.v_x, stage.v_y
CREATE OR REPLACE VIEW stage.v_x (id COMMENT 'the id', n) COMMENT 'v' AS SELECT id, count(*) FROM raw.x GROUP BY id;
CREATE MATERIALIZED VIEW stage.v_y AS SELECT * FROM raw.y

-- case: view that follows its table
-- truth-read: raw.x
-- truth-written: stage.v_x
CREATE OR REPLACE VIEW stage.v_x WITH SCHEMA EVOLUTION AS SELECT * FROM raw.x

-- case: temporary views are no tables
-- truth-read: raw.x, raw.y, raw.z
-- truth-written: stage.x
CREATE OR REPLACE TEMPORARY VIEW x AS SELECT * FROM raw.x;
CREATE GLOBAL TEMPORARY VIEW g AS SELECT * FROM raw.y;
CACHE LAZY TABLE c AS SELECT * FROM raw.z;
INSERT INTO stage.x SELECT * FROM x JOIN global_temp.g USING (id) JOIN c USING (id);
DROP VIEW IF EXISTS global_temp.g

-- case: temporary view through which a table is changed
-- truth-read: stage.x
-- truth-written: stage.x
CREATE TEMP VIEW mine AS SELECT * FROM stage.x; DELETE FROM mine WHERE id = 3

-- case: streaming tables
-- truth-read: raw.x
-- truth-written: stage.x
CREATE OR REFRESH STREAMING TABLE stage.x AS SELECT * FROM STREAM(raw.x)

-- case: functions read tables
-- truth-read: ref.rates
CREATE OR REPLACE FUNCTION ops.rate(d DATE) RETURNS DOUBLE RETURN (SELECT max(rate) FROM ref.rates WHERE dt = d)

-- case: truncate, drop, undrop
-- truth-written: stage.x, stage.y, stage.v, stage.z
TRUNCATE TABLE stage.x PARTITION (d = 1); DROP TABLE IF EXISTS stage.y PURGE; DROP VIEW stage.v; UNDROP TABLE stage.z

-- case: drop a schema
-- truth-unknown: all tables of it
DROP SCHEMA IF EXISTS stage CASCADE

-- case: alter
-- truth-written: stage.x, stage.y, stage.z, stage.v
-- truth-read: raw.x
ALTER TABLE stage.x ADD COLUMNS (a INT COMMENT 'c' AFTER b); ALTER TABLE stage.y RENAME TO stage.z;
ALTER VIEW stage.v AS SELECT * FROM raw.x

-- case: alter partitions and properties
-- truth-written: stage.x, stage.y
ALTER TABLE stage.x ADD IF NOT EXISTS PARTITION (d = '2026-01-01') LOCATION 's3://bucket/x/d';
ALTER TABLE stage.x DROP IF EXISTS PARTITION (d < '2025-01-01'), PARTITION (d = '9') PURGE;
ALTER TABLE stage.y SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true'); ALTER TABLE stage.y RECOVER PARTITIONS;
ALTER TABLE stage.y ALTER COLUMN a SET NOT NULL; ALTER TABLE stage.y CLUSTER BY (a)

-- case: exchange partitions
-- truth-written: stage.x, stage.y
ALTER TABLE stage.x EXCHANGE PARTITION (d = '1') WITH TABLE stage.y

-- case: copy into
-- truth-written: raw.x, raw.y
COPY INTO raw.x FROM 's3://bucket/in' FILEFORMAT = JSON PATTERN = '*.json' FORMAT_OPTIONS ('multiLine' = 'true') COPY_OPTIONS ('mergeSchema' = 'true');
COPY INTO raw.y FROM (SELECT id::bigint, _metadata.file_path f FROM 's3://bucket/in2') FILEFORMAT = CSV

-- case: load data
-- truth-written: raw.x
LOAD DATA INPATH 's3://bucket/in' OVERWRITE INTO TABLE raw.x PARTITION (d = '2026-01-01')

-- case: upkeep
-- truth-written: stage.a, stage.b, stage.c, stage.d, stage.e, stage.f
ANALYZE TABLE stage.a PARTITION (d) COMPUTE STATISTICS FOR COLUMNS x, y; OPTIMIZE stage.b WHERE d > '1' ZORDER BY (x, y);
VACUUM stage.c RETAIN 168 HOURS DRY RUN; MSCK REPAIR TABLE stage.d SYNC PARTITIONS; REORG TABLE stage.e APPLY (PURGE);
RESTORE TABLE stage.f TO VERSION AS OF 3

-- case: caches and refreshes
-- truth-read: stage.a, stage.b
-- truth-written: stage.c
CACHE TABLE stage.a; UNCACHE TABLE stage.a; REFRESH TABLE stage.b; REFRESH MATERIALIZED VIEW stage.c; CLEAR CACHE

-- case: comments and rights
-- truth-written: stage.a
COMMENT ON TABLE stage.a IS 'x; y'; GRANT SELECT ON TABLE stage.b TO `readers`; REVOKE ALL PRIVILEGES ON SCHEMA stage FROM x;
COMMENT ON SCHEMA stage IS 'x'

-- case: schemas and settings
SET spark.sql.sources.partitionOverwriteMode = dynamic; CREATE SCHEMA IF NOT EXISTS stage COMMENT 'x' LOCATION 's3://bucket/s' WITH DBPROPERTIES ('a' = 'b');
SET TIME ZONE 'UTC'; RESET; USE stage; ALTER SCHEMA stage SET DBPROPERTIES ('x' = 'y')

-- case: names after USE are written too
-- truth-read: stage.x, raw.x
-- truth-written: stage.y, mart.z
USE stage; INSERT INTO y SELECT * FROM x JOIN raw.x USING (id);
USE main.mart; USE mart; DELETE FROM z WHERE d = 1

-- case: unqualified target
-- truth-read: raw.x
-- truth-unknown: which schema is in use
INSERT INTO m_roi SELECT * FROM raw.x

-- case: IDENTIFIER as a target
-- truth-read: raw.x
-- truth-written: stage.x
-- truth-unknown: the parameter
INSERT INTO IDENTIFIER('stage.x') SELECT * FROM raw.x; DELETE FROM IDENTIFIER(:schema || '.y') WHERE true

-- case: script
-- truth-read: raw.x, raw.y, ops.flags, ops.days
-- truth-written: stage.x, stage.y, stage.z, ops.log
BEGIN
  DECLARE n INT DEFAULT (SELECT count(*) FROM raw.x);
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN INSERT INTO ops.log VALUES ('failed'); END;
  IF n > 0 AND EXISTS (SELECT 1 FROM ops.flags WHERE CASE WHEN a THEN b ELSE c END) THEN
    INSERT INTO stage.x SELECT * FROM raw.x;
  ELSEIF n < 0 THEN
    TRUNCATE TABLE stage.x;
  ELSE
    DELETE FROM stage.y WHERE id IN (SELECT id FROM raw.y);
  END IF;
  FOR d AS SELECT day FROM ops.days DO
    UPDATE stage.z SET day = d.day;
  END FOR;
  lbl: WHILE n > 0 DO SET n = n - 1; LEAVE lbl; END WHILE lbl;
END

-- case: execute immediate
-- truth-read: raw.x
-- truth-written: stage.x
-- truth-unknown: what the variable holds
EXECUTE IMMEDIATE 'INSERT INTO stage.x SELECT * FROM raw.x WHERE d = ?; ' USING '2026-01-01'; EXECUTE IMMEDIATE q

-- case: variables
-- truth-read: raw.x, raw.y
DECLARE OR REPLACE VARIABLE latest DATE DEFAULT (SELECT max(d) FROM raw.x); SET VAR latest = (SELECT max(d) FROM raw.y)

-- case: a procedure
-- truth-unknown: what it does
CALL ops.refresh_all('2026-01-01')

-- case: convert and sync
-- truth-written: stage.x, stage.y
-- truth-read: hive_metastore.old.y
CONVERT TO DELTA stage.x PARTITIONED BY (d DATE); SYNC TABLE stage.y FROM hive_metastore.old.y

-- case: one broken statement among good ones
-- truth-read: raw.x, raw.y
-- truth-written: stage.x, stage.y
-- truth-unknown: the second
INSERT INTO stage.x SELECT * FROM raw.x;
INSERT INTO stage.?? SELEC * FROM;
INSERT INTO stage.y SELECT * FROM raw.y;

-- case: a quote without its end
-- truth-read: raw.x
-- truth-written: stage.x
-- truth-unknown: the second
INSERT INTO stage.x SELECT * FROM raw.x;
DELETE FROM stage.y WHERE name = 'it's;

-- case: no semicolon between two statements
-- truth-read: raw.x
-- truth-written: stage.y
-- truth-unknown: where the first ends
SELECT * FROM raw.x
DELETE FROM stage.y

-- case: pipelines of Databricks
-- truth-read: raw.x
-- truth-unknown: the schema of LIVE
CREATE OR REFRESH LIVE TABLE clean AS SELECT * FROM raw.x; APPLY CHANGES INTO live.target FROM stream(raw.x) KEYS (id) SEQUENCE BY ts

-- case: select into
-- truth-read: raw.x
-- truth-written: stage.x
SELECT * INTO stage.x FROM raw.x

-- case: update of many in the dialect of MySQL
-- truth-read: stage.y
-- truth-written: stage.x
UPDATE stage.x JOIN stage.y ON stage.x.id = stage.y.id SET stage.x.n = stage.y.n

-- case: a table called like a keyword
-- truth-read: raw.order, raw.`table`, raw.values
-- truth-written: stage.`insert`
INSERT INTO stage.`insert` SELECT * FROM raw.order JOIN raw.`table` USING (id) JOIN raw.values USING (id)

-- case: names with hyphens, digits, other letters
-- truth-read: raw.my-table, raw.2026_events, raw.größen
-- truth-written: stage.x
INSERT INTO stage.x SELECT * FROM raw.`my-table` JOIN raw.2026_events USING (id) JOIN raw.größen USING (id)
