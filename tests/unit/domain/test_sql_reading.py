from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.sql_reading import read_sql, session_views
from dagbranch.domain.sql_text import SqlText
from dagbranch.domain.table_uses import Uses


def told(uses: Uses) -> tuple[set[str], set[str], set[int]]:
    return set(uses.read), set(uses.written), uses.unknown


def test_each_table_has_the_lines_where_its_name_stands() -> None:
    uses = read_sql("/* a\n b */ INSERT INTO stage.x\nSELECT *\nFROM raw.x a\nJOIN raw.x b USING (id);\nTABLE raw.y")

    assert uses.read == {"raw.x": {4, 5}, "raw.y": {6}}
    assert uses.written == {"stage.x": {2}}


def test_a_statement_that_is_not_understood_is_unknown_where_it_begins() -> None:
    uses = read_sql("SELECT 1 FROM raw.x;\n\n-- why\nFROBNICATE\n stage.x;\nDELETE FROM stage.y")

    assert told(uses) == ({"raw.x"}, {"stage.y"}, {4})


def test_a_quote_without_its_end_spoils_only_what_it_may_be_part_of() -> None:
    uses = read_sql("DELETE FROM a.x;\nSELECT 'it;\nDELETE FROM a.y;\nDELETE FROM a.z WHERE b = 'c';\n")

    assert told(uses) == (set(), {"a.x", "a.y", "a.z"}, {2})


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO m_roi SELECT 1",
        "DROP SCHEMA db CASCADE",
        "CALL db.refresh()",
        "ANALYZE TABLES IN db COMPUTE STATISTICS",
        "EXECUTE IMMEDIATE concat('DELETE FROM ', t)",
        "EXECUTE IMMEDIATE 'DELETE FROM ' || t",
        "DELETE FROM IDENTIFIER(:t)",
        "INSERT INTO delta.`s3://bucket/x` SELECT 1",
        "INSERT INTO `db.x` SELECT 1",
        "INSERT INTO a.b.c.d SELECT 1",
        "CREATE INDEX i ON db.x (y)",
        "CREATE PROCEDURE db.p() AS BEGIN DELETE FROM db.x; END",
        "CASE WHEN x THEN DELETE FROM db.x; END CASE",
        "SELECT * FROM table_changes(:t, 1)",
        "WITH x AS (DELETE FROM db.y RETURNING *) SELECT * FROM x",
        "SELECT * FROM db.x DELETE FROM db.y",
        "DROP TABLE db.x, y",
        "SET x = 1 INSERT INTO db.y SELECT 1",
        "something else entirely",
        "x",
    ],
)
def test_what_is_not_certain_is_unknown(sql: str) -> None:
    assert read_sql(sql).unknown == {1}


@pytest.mark.parametrize(
    "first",
    [
        "SELECT * FROM db.x",
        "INSERT INTO db.x SELECT * FROM db.z",
        "USE db",
        "OPTIMIZE db.x",
        "GRANT SELECT ON TABLE db.x TO y",
        "SYNC TABLE db.x FROM db.z",
        "CREATE TABLE db.x (a INT)",
        "SET a.b=c",
        "SHOW TABLES",
    ],
)
@pytest.mark.parametrize(
    "second",
    [
        "DELETE FROM db.y",
        "INSERT INTO db.y SELECT 1",
        "CREATE OR REPLACE TABLE db.y AS SELECT 1",
        "UNDROP TABLE db.y",
        "OPTIMIZE db.y",
        "UPDATE db.y SET a = 1",
        "SELECT a INTO db.y FROM db.z",
    ],
)
def test_a_missing_semicolon_hides_no_change(first: str, second: str) -> None:
    uses = read_sql(f"{first}\n{second}")

    assert "db.y" in uses.written or uses.unknown


@pytest.mark.parametrize("sql", ["", " ;; \n", "-- only this", "USE x", "SET a.b=c", "SHOW TABLES IN db", "SELECT 1"])
def test_what_concerns_no_table_says_nothing(sql: str) -> None:
    assert told(read_sql(sql)) == (set(), set(), set())


def test_a_name_without_a_schema_belongs_to_the_one_in_use() -> None:
    uses = read_sql("USE stage; DELETE FROM x; USE main.mart; DELETE FROM y; USE CATALOG other; DELETE FROM z")

    assert told(uses) == (set(), {"stage.x", "main.mart.y"}, {1})


def test_behind_a_condition_the_schema_in_use_is_not_known() -> None:
    uses = read_sql("BEGIN\nIF a THEN USE live; END IF;\nDELETE FROM x;\nEND")

    assert uses.unknown == {3}


def test_a_temporary_view_is_no_table_but_what_changes_it_may_change_one() -> None:
    uses = read_sql("CREATE TEMP VIEW v AS SELECT * FROM raw.x;\nSELECT * FROM v;\nDELETE FROM v", temporary={"w"})

    assert told(uses) == ({"raw.x"}, set(), {3})
    assert told(read_sql("SELECT * FROM W", temporary={"w"})) == (set(), set(), set())


def test_a_common_table_expression_is_seen_only_where_it_is() -> None:
    sql = "USE db; WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b, (SELECT * FROM a), db.a"

    assert set(read_sql(sql).read) == {"db.b", "db.a"}


def test_the_views_of_a_session_are_those_that_its_statements_make() -> None:
    sql = "CREATE OR REPLACE TEMP VIEW A AS SELECT 1; CACHE TABLE b AS SELECT 2; CREATE VIEW db.c AS SELECT 3"

    assert session_views(sql) == {"a", "b"}


def test_variables_of_the_shell_are_not_known_as_names_and_do_not_matter_as_values() -> None:
    uses = read_sql("INSERT INTO a.x SELECT ${n} FROM a.y WHERE d = '${d}';\nDELETE FROM ${s}.x")

    assert told(uses) == ({"a.y"}, {"a.x"}, {2})


def test_pieces_keep_the_lines_that_they_come_from() -> None:
    text = SqlText("SELECT *\n", 10)
    text.add("FROM a.x\nJOIN ", 20)
    text.add("a.y", 30)

    assert read_sql(text).read == {"a.x": {20}, "a.y": {30}}


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
FORMS = st.sampled_from(
    [
        "INSERT INTO {t} SELECT * FROM {s}",
        "INSERT OVERWRITE TABLE {t} PARTITION (d = 'x') SELECT * FROM {s}",
        "CREATE OR REPLACE TABLE {t} AS SELECT * FROM {s}",
        "MERGE INTO {t} USING {s} ON a = b WHEN MATCHED THEN DELETE",
        "DELETE FROM {t} WHERE x IN (SELECT y FROM {s})",
        "UPDATE {t} SET x = (SELECT max(y) FROM {s})",
        "FROM {s} INSERT INTO {t} SELECT *",
        "CREATE TABLE {t} SHALLOW CLONE {s}",
        "OPTIMIZE {t}",
        "TRUNCATE TABLE {t}",
    ]
)


@given(form=FORMS, schema=NAMES, table=NAMES, source=NAMES, before=st.text(max_size=30), after=st.text(max_size=30))
def test_what_a_statement_writes_is_never_silently_missed(
    form: str, schema: str, table: str, source: str, before: str, after: str
) -> None:
    written = f"`{schema}`.`{table}`"
    sql = f"{before};\n{form.format(t=written, s=f'`{schema}`.`{source}`')}\n;{after}"

    uses = read_sql(sql)

    assert f"{schema}.{table}" in uses.written or uses.unknown


@given(st.text(max_size=200))
def test_no_text_is_an_error(sql: str) -> None:
    read_sql(sql)
