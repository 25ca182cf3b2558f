"""Data checks: what a lane's warehouse is asked, and what it is never asked."""

from __future__ import annotations

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from dagbranch.domain.data_checks import data_check
from dagbranch.errors import UnsafeStatementError

SCHEMAS = {"db_attribution": "marketing.db_attribution_stage", "Finance": "finance"}


def asked(sql: str) -> str:
    return data_check(sql, SCHEMAS).sql


def test_schemas_become_the_lanes_own_and_one_row_is_enough() -> None:
    assert asked('SELECT * FROM db_attribution.m_roi AS r WHERE r.date = "2026-01-31"') == (
        "SELECT * FROM (SELECT * FROM `marketing`.`db_attribution_stage`.`m_roi` AS `r` "
        "WHERE `r`.`date` = '2026-01-31') AS `found` LIMIT 1"
    )


def test_schemas_and_tables_are_named_in_any_case() -> None:
    assert "FROM `finance`.`costs`" in asked("select 1 from FINANCE.Costs")


def test_each_table_of_a_query_is_of_the_lane() -> None:
    sql = asked(
        "WITH costs AS (SELECT * FROM finance.costs WHERE costs.amount < 0), "
        "both AS (SELECT * FROM costs UNION ALL SELECT * FROM finance.costs) "
        "SELECT * FROM both WHERE NOT EXISTS (SELECT 1 FROM db_attribution.m_roi AS m WHERE m.id = both.id) "
        "AND id IN (SELECT id FROM db_attribution.m_events) EXCEPT SELECT * FROM costs"
    )

    assert sql.count("`marketing`.`db_attribution_stage`.") == 2
    assert sql.count("`finance`.`costs`") == 2
    assert sql.startswith("WITH `costs` AS (SELECT * FROM `finance`.`costs`")


def test_its_own_limit_is_kept_beside_ours() -> None:
    assert asked("SELECT * FROM finance.costs ORDER BY amount DESC LIMIT 0").endswith(
        "ORDER BY `amount` DESC LIMIT 0) AS `found` LIMIT 1"
    )


@pytest.mark.parametrize(
    "check",
    [
        "SELECT * FROM finance.m;",
        "SELECT max(date) FROM finance.m HAVING max(date) < date_sub(current_date(), 2)",
        "SELECT id FROM finance.m GROUP BY id HAVING count(*) > 1",
        "SELECT m.id FROM finance.m LEFT ANTI JOIN finance.k USING (id)",
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY date) AS r FROM finance.m) WHERE r > 1",
        "SELECT * FROM finance.m QUALIFY count(*) OVER (PARTITION BY id) > 1",
        "SELECT * FROM finance.m WHERE email NOT RLIKE r'^.+@.+\\.\\w+$' OR length(trim(lower(email))) > 100",
        "SELECT * FROM finance.m WHERE abs(a - b) / nullif(b, 0) > 0.1 OR isnull(a) OR a <=> b",
        "SELECT count(DISTINCT id), percentile_approx(x, 0.5), stddev(x), sum(x) FILTER (WHERE y) FROM finance.m",
        "SELECT CASE WHEN a THEN 1 ELSE 2 END, if(a, 1, 2), ifnull(a, b), a || b FROM finance.m",
        "SELECT * FROM finance.m WHERE details.kind[0].name = 'x' OR payload:a.b IS NULL OR (a, b) IN ((1, 2))",
        "SELECT hash(a), md5(a), sha2(a, 256) FROM finance.m GROUP BY ALL",
        "SELECT date_format(a, 'yyyy'), datediff(a, b), to_timestamp(a) - INTERVAL 1 DAY FROM finance.m",
        "SELECT * FROM finance.m CROSS JOIN (SELECT 0.05 AS most) WHERE m.rate > most",
        "SELECT expected.id FROM VALUES (1), (2) AS expected(id) LEFT ANTI JOIN finance.m ON m.id = expected.id",
        "SELECT grouping(a), a, b FROM finance.m GROUP BY ROLLUP(a, b)",
    ],
)
def test_what_people_check_in_data_can_be_written(check: str) -> None:
    assert asked(check).endswith(" AS `found` LIMIT 1")


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("SELECT * FROM finance.m; DROP TABLE finance.m", "these are 2 statements"),
        ("SELECT 1; SELECT 2", "these are 2 statements"),
        (";", "these are 0 statements"),
        ("", "these are 0 statements"),
        ("-- nothing", "these are 0 statements"),
        ("SELECT * FROM", "cannot be read as one"),
        ("no rows, please", "a data check is"),
        ("SELECT " + "(" * 3_000 + "1" + ")" * 3_000, "cannot be read as one"),
        ("SELECT 1 -- " + "x" * 10_000, "at most 10000 characters"),
        ("DROP TABLE finance.m", "not Drop"),
        ("DELETE FROM finance.m", "not Delete"),
        ("UPDATE finance.m SET a = 1", "not Update"),
        ("INSERT INTO finance.m SELECT 1", "not Insert"),
        ("CREATE TABLE finance.k AS SELECT 1", "not Create"),
        ("CREATE FUNCTION finance.f() RETURNS INT RETURN 1", "not Create"),
        ("MERGE INTO finance.m USING finance.k ON 1 = 1 WHEN MATCHED THEN DELETE", "not Merge"),
        ("TRUNCATE TABLE finance.m", "a data check is"),
        ("FROM finance.m INSERT INTO finance.k SELECT *", "not MultitableInserts"),
        ("WITH a AS (INSERT INTO finance.m SELECT 1) SELECT * FROM a", "Insert"),
        ("SELECT * INTO finance.k FROM finance.m", "Into"),
        ("EXPLAIN SELECT 1", "not Command"),
        ("SHOW TABLES IN finance", "not Command"),
        ("DESCRIBE finance.m", "not Describe"),
        ("CALL finance.f()", "not Command"),
        ("EXECUTE IMMEDIATE 'DROP TABLE finance.m'", "not Command"),
        ("BEGIN SELECT 1; END", "a data check is"),
        ("SET x = 1", "a data check is"),
        ("USE finance", "a data check is"),
        ("GRANT SELECT ON finance.m TO everyone", "a data check is"),
    ],
)
def test_what_is_not_exactly_one_query_is_refused(check: str, told: str) -> None:
    with pytest.raises(UnsafeStatementError, match=told):
        asked(check)


@pytest.mark.parametrize(
    "function",
    [
        "read_files('s3://bucket/key')",
        "http_request(conn => 'x', method => 'GET', path => '/')",
        "ai_query('model', 'question')",
        "ai_gen('question')",
        "secret('scope', 'key')",
        "try_secret('scope', 'key')",
        "java_method('java.lang.Runtime', 'getRuntime')",
        "reflect('java.lang.Runtime', 'getRuntime')",
        "try_reflect('java.lang.Runtime', 'getRuntime')",
        "remote_query('connection', query => 'SELECT 1')",
        "table_changes('finance.m', 1)",
        "event_log('finance.m')",
        "IDENTIFIER('other.m')",
        "from_csv('1', 'a INT')",
        "current_user()",
        "session_user()",
        "range(1000000000)",
        "sequence(1, 1000000000)",
        "repeat('x', 1000000000)",
        "explode(a)",
        "finance.hash(1)",
        "other.schema.upper('a')",
        "made_up(1)",
    ],
)
def test_functions_that_are_not_known_to_stay_in_the_query_are_refused(function: str) -> None:
    for check in (f"SELECT {function} FROM finance.m", f"SELECT 1 FROM finance.m WHERE {function} = 1"):
        with pytest.raises(UnsafeStatementError, match="is not allowed in a data check"):
            asked(check)
    with pytest.raises(UnsafeStatementError):
        asked(f"SELECT * FROM {function}")


@pytest.mark.parametrize(
    "clause",
    [
        "SELECT TRANSFORM(a) USING 'rm -rf /' FROM finance.m",
        "SELECT /*+ BROADCAST(m) */ * FROM finance.m",
        "SELECT * FROM finance.m TIMESTAMP AS OF '2020-01-01'",
        "SELECT * FROM finance.m VERSION AS OF 1",
        "SELECT * FROM finance.m@v1",
        "SELECT * FROM finance.m TABLESAMPLE (10 PERCENT)",
        "SELECT * FROM finance.m LATERAL VIEW explode(a) t AS b",
        "SELECT * FROM finance.m, LATERAL (SELECT 1)",
        "SELECT * FROM STREAM finance.m",
        "SELECT * FROM finance.m WHERE a = :parameter",
        "SELECT * FROM finance.m WHERE a = ?",
        "SELECT * FROM finance.m WHERE a = ${variable}",
        "SELECT * FROM finance.m WHERE a = {{ template }}",
        "SELECT * FROM finance.m FOR UPDATE",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t",
        "SELECT * FROM (WITH m AS (SELECT 1 AS id) SELECT * FROM m) AS x JOIN finance.m ON x.id = m.id",
    ],
)
def test_clauses_that_reach_further_than_the_tables_are_refused(clause: str) -> None:
    with pytest.raises(UnsafeStatementError, match="not allowed in a data check"):
        asked(clause)


@pytest.mark.parametrize(
    "table",
    [
        "other.m",
        "m",
        "finance.finance.m",
        "marketing.db_attribution.m",
        "db_attribution_stage.m",
        "information_schema.tables",
        "delta.`s3://bucket/key`",
        "parquet.`/etc`",
        "`finance.m`",
        "system.access.audit",
        "hive_metastore.finance.m",
    ],
)
@pytest.mark.parametrize(
    "check",
    [
        "SELECT * FROM {table}",
        "SELECT * FROM finance.m JOIN {table} ON 1 = 1",
        "SELECT * FROM finance.m WHERE id IN (SELECT id FROM {table})",
        "WITH a AS (SELECT * FROM {table}) SELECT * FROM a",
        "SELECT 1 UNION ALL SELECT id FROM {table}",
        "SELECT (SELECT max(id) FROM {table})",
    ],
)
def test_a_table_of_no_declared_schema_is_refused_wherever_it_stands(check: str, table: str) -> None:
    with pytest.raises(
        UnsafeStatementError, match="is not in a declared schema: expected db_attribution or finance, a"
    ):
        asked(check.format(table=table))


@pytest.mark.parametrize(
    "check",
    [
        "WITH m AS (SELECT * FROM m) SELECT * FROM m",
        "WITH b AS (SELECT * FROM a), a AS (SELECT 1 AS id) SELECT * FROM b",
    ],
)
def test_a_name_that_with_has_not_given_yet_is_a_table_of_no_schema(check: str) -> None:
    with pytest.raises(UnsafeStatementError, match="is not in a declared schema"):
        asked(check)


@pytest.mark.parametrize("table", ["`s3://bucket/key`", "`m``; DROP TABLE x; --`", "`a b`", "`a.b`", "`../m`"])
def test_a_name_in_quotes_is_a_name_as_well(table: str) -> None:
    with pytest.raises(UnsafeStatementError, match="is no name of a catalog, schema or table"):
        asked(f"SELECT * FROM finance.{table}")


def test_a_schema_before_a_column_is_told_to_be_left_out() -> None:
    with pytest.raises(UnsafeStatementError, match="columns are named with their table or its alias alone"):
        asked("SELECT finance.m.id FROM finance.m")


def test_without_declared_schemas_no_table_can_be_read() -> None:
    with pytest.raises(UnsafeStatementError, match=r"none, as data\.schemas names none"):
        data_check("SELECT * FROM finance.m", {})


WORDS = st.sampled_from(
    [
        *("SELECT", "FROM", "WHERE", "WITH", "AS", "UNION", "ALL", "JOIN", "ON", "LATERAL", "VIEW", "OVER", "DISTINCT"),
        *("INSERT", "INTO", "VALUES", "DROP", "TABLE", "NOT", "EXISTS", "IN", "IDENTIFIER", "secret", "read_files"),
        *("finance", ".", "m", "a", "other", "delta", "1", "'a'", ",", "(", ")", "*", "=", ";", "--", "/*", "*/"),
        *('"', "`", "$", "{", "}", ":", "?", "@", "\\", "'"),
    ]
)


@given(st.lists(WORDS, max_size=25).map(" ".join) | st.text(max_size=60))
def test_whatever_text_it_is_it_is_refused_or_asks_declared_schemas_alone(text: str) -> None:
    for check in (text, f"SELECT * FROM finance.m {text}"):
        try:
            sql = asked(check)
        except UnsafeStatementError:
            continue
        (tree,) = sqlglot.parse(sql, dialect="databricks")
        assert isinstance(tree, exp.Select)
        given_names = {cte.alias for cte in tree.ctes}
        assert {table.db for table in tree.find_all(exp.Table) if table.name not in given_names} <= {"finance"}
        assert sql.endswith(" AS `found` LIMIT 1")
