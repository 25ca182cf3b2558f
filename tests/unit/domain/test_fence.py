from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import replace

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from dagbranch.domain import statements
from dagbranch.domain.fence import Fence
from dagbranch.domain.masks import Projected
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.source_allowance import SourceAllowance
from dagbranch.domain.statements import Statement
from dagbranch.errors import UnsafeStatementError

MARKER = SchemaMarker("feature1", "acme/pipelines", 1, "db_test")
FENCE = Fence(MARKER, frozenset({"db_feature1"}), frozenset({"db_test"}), "_feature1")
NOTED = "TBLPROPERTIES ('dagbranch.view'='ours') AS"
EVERY_MASK = [
    Projected("id"),
    Projected("odd na`me 'x' -- ; /*", "string", "hash"),
    Projected("ünïcode\u2028", "int", "hash"),
    Projected("d", "bigint", "hash"),
    Projected("e", "struct<`a b`: map<string,int>>", None),
    Projected("f", "decimal(10,2)", -1.5),
    Projected("g", "varchar(30)", "it's \\ `x` -- \n; "),
    Projected("h", "date", "2026-01-01"),
    Projected("i", "boolean", mask=True),
    Projected("j", "timestamp_ntz", "2026-01-01 10:00"),
    Projected("k", "tinyint", -5),
    Projected("l", "double", 1e300),
    Projected("m", "float", 1e-07),
    Projected("n", "float", 2.0),
]
PARTITION: dict[str, object] = {"day": dt.date(2026, 1, 2), "it's": "x' OR '1'='1", "n": -5, "b": True, "z": ""}


def good_statements(own: str = "db_feature1", source: str = "db_test") -> list[Statement]:
    """One of each kind and form that the builders make."""
    predicate = parse_predicate("a = 'it\\'s' OR b > 1 AND c BETWEEN current_date() - 7 AND current_date()")
    made = [
        statements.create_schema(own, MARKER),
        statements.comment_on_schema(own, replace(MARKER, source="?", columns={"t": "?"})),
        statements.create_view(f"{own}.v", f"{source}.v"),
        statements.create_view(f"{own}.v", f"{source}.v", replace=True),
        statements.create_view(f"{own}.v", f"{source}.v", follows=False),
        statements.create_masked_view(f"{own}.v", f"{source}.v", EVERY_MASK, replace=True),
        statements.create_masked_view(f"{own}.v", f"{source}.v", [Projected("a")]),
        statements.create_table_like(f"{own}.t-1", f"{source}.t-1", "pending 0a"),
        statements.insert_overwrite(f"{own}.t", f"{source}.t", None),
        statements.insert_overwrite(f"{own}.t", f"{source}.t", predicate),
        statements.insert_overwrite(f"{own}.t", f"{source}.t", predicate, columns=EVERY_MASK),
        statements.insert_overwrite(f"{own}.t", f"{source}.t", predicate, columns=EVERY_MASK, partition=PARTITION),
        statements.insert_overwrite(f"{own}.t", f"{source}.t", None, columns=EVERY_MASK, partition=PARTITION),
        statements.set_seed_note(f"{own}.t", "done 0123"),
        statements.drop_view(f"{own}.v"),
        statements.drop_table(f"{own}.t"),
        statements.drop_schema(own),
        statements.grant(own, "data readers, 'the' \"best\" -- ;", ["USE SCHEMA", "SELECT"]),
        statements.revoke(own, "me@acme.org", ["ALL PRIVILEGES", "READ_METADATA"]),
    ]
    like = made[7]
    return [*made, statements.shallow_clone(f"{own}.t-1", f"{source}.t-1", "done 0a 1b", lambda: like)]


@pytest.mark.parametrize("catalog", ["", "marketing."])
def test_what_the_builders_make_inside_of_the_environment_passes(catalog: str) -> None:
    own, source = f"{catalog}db_feature1", f"{catalog}db_test"
    fence = Fence(MARKER, frozenset({own}), frozenset({source}))

    for statement in good_statements(own, source):
        fence.check(statement)


def test_what_runs_instead_passes_or_fails_by_itself() -> None:
    """The adapter sends it past the fence again, so a form that is not known opens nothing."""
    good = [each for each in good_statements() if each.otherwise]
    outside = statements.create_table_like("db_test.t", "db_test.t", "pending 0a")
    inside = statements.shallow_clone("db_feature1.t", "db_test.t", "done 0a", lambda: outside)

    assert len(good) == 3
    for statement in good:
        FENCE.check(*statement.otherwise)
    FENCE.check(inside)
    with pytest.raises(UnsafeStatementError, match="writes to db_test"):
        FENCE.check(*inside.otherwise)


@pytest.mark.parametrize(
    "statement",
    [
        statements.create_schema("db_feature2", MARKER),
        statements.create_schema("db_feature1", SchemaMarker("feature2", "acme/pipelines", 1)),
        statements.create_schema("db_feature1", SchemaMarker("feature1", "acme/pipelines", 2)),
        statements.create_schema("db_feature1", SchemaMarker("feature1", "acme/other", 1)),
        statements.comment_on_schema("db_test", MARKER),
        statements.create_view("db_feature2.v", "db_test.v"),
        statements.create_view("db_feature1.v", "db_live.v"),
        statements.create_view("db_feature1.v", "other.db_test.v"),
        statements.create_view("other.db_feature1.v", "db_test.v"),
        statements.create_view("v", "db_test.v"),
        statements.create_table_like("db_test.t", "db_test.t", "none"),
        statements.create_table_like("db_feature1.t", "db_feature1.t", "none"),
        statements.insert_overwrite("db_test.t", "db_test.t", None),
        statements.set_seed_note("db_test.t", "none"),
        statements.drop_view("db_test.v"),
        statements.drop_table("db_test.t"),
        statements.drop_schema("db_test"),
        statements.drop_schema("db_feature1.t"),
        statements.drop_schema("other.db_feature1"),
        statements.shallow_clone("db_feature1.t", "db_live.t", "done", None),
        statements.shallow_clone("db_live.t", "db_test.t", "done", None),
        statements.create_masked_view("db_feature1.v", "db_live.v", EVERY_MASK),
        statements.create_masked_view("db_live.v", "db_test.v", EVERY_MASK),
        statements.insert_overwrite("db_feature1.t", "db_live.t", None, columns=EVERY_MASK, partition={"d": 1}),
        statements.grant("db_test", "somebody", ["SELECT"]),
        statements.grant("db_feature1.t", "somebody", ["SELECT"]),
        statements.grant("other.db_feature1", "somebody", ["SELECT"]),
        statements.revoke("db_live", "somebody", ["SELECT"]),
    ],
    ids=lambda statement: statement.sql,
)
def test_what_leaves_the_environment_is_refused(statement: Statement) -> None:
    with pytest.raises(UnsafeStatementError):
        FENCE.check(statement)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        "",
        ";",
        "SELECT 1",
        "DROP TABLE `db_test`.`t`",
        "DROP TABLE IF EXISTS `db_feature1`.`t`",
        "DROP TABLE `db_feature1`.`t`; DROP TABLE `db_test`.`t`",
        "DROP TABLE `db_feature1`.`t` -- comment",
        "DROP TABLE `db_feature1`.`t` PURGE",
        "DROP TABLE db_feature1.t",
        "DROP TABLE `DB_FEATURE1`.`t`",
        "DROP TABLE `db_feature1.t`",
        "DROP TABLE IDENTIFIER('db_feature1.t')",
        "DROP SCHEMA `db_feature1`",
        "DROP DATABASE `db_feature1` CASCADE",
        "CREATE SCHEMA `db_feature1`",
        "CREATE SCHEMA IF NOT EXISTS `db_feature1` COMMENT 'x'",
        f"CREATE SCHEMA IF NOT EXISTS `db_feature1` COMMENT '{MARKER}'",
        f"CREATE SCHEMA `db_feature1` COMMENT '{MARKER}' MANAGED LOCATION 's3://elsewhere'",
        f"CREATE SCHEMA `db_feature1` COMMENT '{MARKER}' LOCATION 's3://elsewhere'",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v`, `db_live`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v` JOIN `db_live`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v` UNION SELECT * FROM `db_live`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT *, secret('a', 'b') FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v` WHERE a IN (SELECT b FROM `db_live`.`v`)",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} WITH x AS (SELECT * FROM `db_live`.`v`) SELECT * FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM read_files('s3://bucket')",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v` VERSION AS OF 1",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM (SELECT * FROM `db_live`.`v`)",
        f"CREATE TEMPORARY VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v`",
        "CREATE TABLE `db_feature1`.`t` AS SELECT * FROM `db_live`.`t`",
        "CREATE TABLE `db_feature1`.`t` LIKE `db_test`.`t`",
        "CREATE TABLE `db_feature1`.`t` LIKE `db_test`.`t` LOCATION 's3://x' TBLPROPERTIES ('dagbranch.seed'='none')",
        "CREATE TABLE `db_feature1`.`t` LIKE `db_test`.`t` TBLPROPERTIES ('dagbranch.seed'='none', 'path'='x')",
        "CREATE OR REPLACE TABLE `db_feature1`.`t` LIKE `db_test`.`t` TBLPROPERTIES ('dagbranch.seed'='none')",
        "INSERT INTO `db_feature1`.`t` SELECT * FROM `db_test`.`t`",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` SELECT * FROM `db_test`.`t` WHERE secret('a', 'b') = 'c'",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` SELECT * FROM `db_test`.`t` LIMIT 1",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` VALUES (1)",
        "INSERT OVERWRITE DIRECTORY 's3://bucket' SELECT * FROM `db_test`.`t`",
        "FROM `db_test`.`t` INSERT INTO `db_feature1`.`t` SELECT * INSERT INTO `db_live`.`t` SELECT *",
        "ALTER TABLE `db_feature1`.`t` SET TBLPROPERTIES ('other'='none')",
        "ALTER TABLE `db_feature1`.`t` SET LOCATION 's3://x'",
        "ALTER TABLE `db_feature1`.`t` RENAME TO `db_test`.`t`",
        "ALTER TABLE `db_feature1`.`t` OWNER TO `somebody`",
        "DELETE FROM `db_test`.`t`",
        "UPDATE `db_test`.`t` SET a = 1",
        "MERGE INTO `db_test`.`t` USING x ON true WHEN MATCHED THEN DELETE",
        "TRUNCATE TABLE `db_test`.`t`",
        "CREATE VIEW `db_feature1`.`v` AS SELECT * FROM `db_test`.`v`",
        "CREATE VIEW `db_feature1`.`v` WITH SCHEMA EVOLUTION AS SELECT * FROM `db_test`.`v`",
        "CREATE VIEW `db_feature1`.`v` TBLPROPERTIES ('dagbranch.view'='theirs') AS SELECT * FROM `db_test`.`v`",
        "CREATE VIEW `db_feature1`.`v` TBLPROPERTIES ('dagbranch.view'='ours', 'a'='b') AS SELECT * FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` (a) {NOTED} SELECT * FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` WITH METRICS {NOTED} SELECT * FROM `db_test`.`v`",
        f"CREATE VIEW IF NOT EXISTS `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT `a`, * FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT DISTINCT * FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * EXCEPT (`a`) FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT `v`.* FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT `v`.`a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT `a` AS `b` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT `a` + 1 AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT SHA2(`b`, 256) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT SHA2(`a`, 1) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT IF(TRUE, `a`, NULL) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT IF(FALSE, `b`, NULL) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT IF(`a` IS NULL, NULL, SECRET(`a`)) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT IF(`b` IS NULL, NULL, HASH(`a`)) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT CAST(`b` AS STRING) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT CAST(secret('a', 'b') AS STRING) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT (SELECT `a` FROM `db_live`.`v`) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT ai_query('m', `a`) AS `a` FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT `a` FROM `db_test`.`v` WHERE `b` = 1",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT `a` FROM `db_test`.`v` LATERAL VIEW explode(`a`) x AS y",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT `a` FROM `db_test`.`v`, LATERAL (SELECT 1)",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v` TABLESAMPLE (1 PERCENT)",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v` TIMESTAMP AS OF '2026-01-01'",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v` AS `x`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM IDENTIFIER('db_live.v')",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `a`.`b`.`db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v``; DROP SCHEMA x; --`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test.v`",
        f"CREATE VIEW `db_feature1`.`v`; {NOTED} SELECT * FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`v`;",
        f"CREATE VIEW `db_feature1`.`v` {NOTED}\nSELECT * FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT /* x */ * FROM `db_test`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM :table",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_tést`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_te\u0455t`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `DB_TEST`.`v`",
        f"CREATE VIEW `db_feature1`.`v` {NOTED} SELECT * FROM `db_test`.`\u212a`",
        "CREATE TABLE `db_feature1`.`t` CLONE `db_test`.`t`",
        "CREATE TABLE `db_feature1`.`t` DEEP CLONE `db_test`.`t` TBLPROPERTIES ('dagbranch.seed'='done')",
        "CREATE TABLE `db_feature1`.`t` SHALLOW CLONE `db_test`.`t`",
        "CREATE TABLE `db_feature1`.`t` SHALLOW CLONE `db_test`.`t` TBLPROPERTIES ('dagbranch.seed'='x') LOCATION 'x'",
        "CREATE TABLE `db_feature1`.`t` SHALLOW CLONE `db_test`.`t` VERSION AS OF 1 TBLPROPERTIES ('a'='b')",
        "CREATE OR REPLACE TABLE `db_feature1`.`t` SHALLOW CLONE `db_test`.`t` TBLPROPERTIES ('dagbranch.seed'='x')",
        "CREATE TABLE `db_feature1`.`t` SHALLOW CLONE delta.`s3://bucket/t` TBLPROPERTIES ('dagbranch.seed'='x')",
        "CREATE TABLE `db_feature1`.`t` SHALLOW CLONE `db_test`.`t` TBLPROPERTIES ('dagbranch.seed'='x', 'd'='y')",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` PARTITION(`d`) SELECT * FROM `db_test`.`t`",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` PARTITION(`d` = 1) SELECT * FROM `db_test`.`t`",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` PARTITION(`d` = 1) SELECT `a` FROM `db_test`.`t` WHERE `d` = 2",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` PARTITION(`d` = 1) SELECT `a` FROM `db_test`.`t` WHERE `d` OR `e`",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` PARTITION(`d` = secret('a', 'b')) SELECT `a` FROM `db_test`.`t`",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` PARTITION(`d` = NULL) SELECT `a` FROM `db_test`.`t` WHERE `d` = NULL",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` REPLACE WHERE `a` = 1 SELECT * FROM `db_test`.`t`",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` SELECT * FROM `db_test`.`t` WHERE `a` IN (SELECT 1 FROM `x`.`t`)",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` BY NAME SELECT * FROM `db_test`.`t`",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` (`a`) SELECT * FROM `db_test`.`t`",
        "INSERT OVERWRITE TABLE `db_feature1`.`t` SELECT * FROM `db_test`.`t` WHERE `a` = :x",
        f"INSERT OVERWRITE TABLE `db_feature1`.`t` SELECT * FROM `db_test`.`t` WHERE {'NOT ' * 3000}`a` = 1",
        "GRANT ALL PRIVILEGES ON TABLE `db_feature1`.`t` TO `everybody`",
        "GRANT SELECT ON CATALOG `db_feature1` TO `everybody`",
        "GRANT SELECT ON SCHEMA `db_test` TO `everybody`",
        "GRANT SELECT ON SCHEMA `db_feature1` TO everybody",
        "GRANT SELECT ON SCHEMA `db_feature1` TO `a`, `b`",
        "GRANT SELECT ON SCHEMA `db_feature1` TO `a``b`",
        "GRANT SELECT ON SCHEMA `db_feature1` TO `a` WITH GRANT OPTION",
        "GRANT SELECT (`a`) ON SCHEMA `db_feature1` TO `a`",
        "GRANT select ON SCHEMA `db_feature1` TO `a`",
        "GRANT SELECT ON SCHEMA `db_feature1` TO `a`; GRANT SELECT ON SCHEMA `db_test` TO `a`",
        "REVOKE GRANT OPTION FOR SELECT ON SCHEMA `db_feature1` FROM `a`",
        "DENY SELECT ON SCHEMA `db_feature1` TO `a`",
        "ALTER SCHEMA `db_feature1` OWNER TO `a`",
        "ALTER SCHEMA `db_feature1` SET DBPROPERTIES ('a'='b')",
        "ALTER VIEW `db_feature1`.`v` AS SELECT * FROM `db_live`.`v`",
        "COMMENT ON TABLE `db_feature1`.`t` IS 'x'",
        "COPY INTO `db_feature1`.`t` FROM 's3://bucket'",
        "CALL system.runtime.kill('x')",
        "\ufeffDROP TABLE `db_feature1`.`t`",
        "DROP\u00a0TABLE `db_feature1`.`t`",
        "DROP TABLE `db_feature1`.`t`\x00",
        "EXECUTE IMMEDIATE 'DROP TABLE db_test.t'",
        "BEGIN DROP TABLE db_test.t; END",
        "SET x = 1",
        "USE `db_test`",
        "OPTIMIZE `db_test`.`t`",
        "(" * 3_000,
    ],
)
def test_sql_that_no_builder_makes_is_refused_whatever_it_claims(sql: str) -> None:
    for claimed in ("db_feature1", "db_feature1.t", "db_feature1.v"):
        for reads in ((), ("db_test.t",), ("db_test.v",)):
            with pytest.raises(UnsafeStatementError):
                FENCE.check(Statement(sql, (claimed,), reads))


def test_a_statement_that_does_more_than_it_claims_is_refused() -> None:
    honest = statements.create_view("db_feature1.v", "db_test.v")

    with pytest.raises(UnsafeStatementError, match="not what it says"):
        FENCE.check(Statement(honest.sql, honest.writes, ()))


hostile_names = st.text() | st.text(alphabet="ab_.`'\";- \n\\/*", max_size=20)


@settings(deadline=None, max_examples=60)
@given(hostile_names, hostile_names)
def test_no_name_leads_out_of_the_environment(target: str, source: str) -> None:
    with contextlib.suppress(UnsafeStatementError):
        statement = statements.create_view(f"db_feature1.{target}", f"db_test.{source}")
        FENCE.check(statement)

        assert statement.sql == (
            f"CREATE VIEW `db_feature1`.`{target.lower()}` WITH SCHEMA EVOLUTION {NOTED} "
            f"SELECT * FROM `db_test`.`{source.lower()}`"
        )
        assert not set("`.;'\" \n") & set(target + source)


@settings(deadline=None, max_examples=60)
@given(st.text() | st.text(alphabet="ab=1'\"`;() -\\/*", max_size=30))
def test_no_predicate_leads_out_of_the_environment(text: str) -> None:
    with contextlib.suppress(UnsafeStatementError):
        statement = statements.insert_overwrite("db_feature1.t", "db_test.t", parse_predicate(text))
        FENCE.check(statement)

        assert (statement.writes, statement.reads) == (("db_feature1.t",), ("db_test.t",))


@settings(deadline=None, max_examples=60)
@given(st.text())
def test_no_marker_breaks_out_of_its_comment(text: str) -> None:
    marker = SchemaMarker(text, text, 1, text)

    Fence(marker, frozenset({"db_feature1"}), frozenset()).check(statements.create_schema("db_feature1", marker))


def test_a_source_is_read_only_where_the_stack_allows_it_too() -> None:
    def fence(catalogs: set[str], suffixes: set[str]) -> Fence:
        own, base = frozenset({"marketing.db_feature1"}), frozenset({"marketing.db_test"})
        return Fence(MARKER, own, base, "_feature1", SourceAllowance(frozenset(catalogs), frozenset(suffixes)))

    view = statements.create_view("marketing.db_feature1.v", "marketing.db_test.v")

    fence({"marketing"}, {"_test"}).check(view)
    for refusing in (fence({"marketing"}, {"_live"}), fence({"finance"}, {"_test"}), fence(set(), {"*"})):
        with pytest.raises(UnsafeStatementError, match="does not allow"):
            refusing.check(view)


def test_only_schemas_with_the_environments_suffix_are_written_to_and_others_only_dropped() -> None:
    """A schema that an earlier commit made under another suffix goes, by its marker."""
    fence = Fence(MARKER, frozenset({"db_old"}), frozenset({"db_test"}), "_feature1")

    fence.check(statements.drop_schema("db_old"))
    for statement in good_statements("db_old")[:-4]:
        with pytest.raises(UnsafeStatementError):
            fence.check(statement)


@pytest.mark.parametrize("changed", ["environment", "repository", "pull_number"])
def test_another_environments_marker_is_never_written(changed: str) -> None:
    other = replace(MARKER, **{changed: 2 if changed == "pull_number" else "other"})  # type: ignore[arg-type] # by name

    for build in (statements.create_schema, statements.comment_on_schema):
        with pytest.raises(UnsafeStatementError, match="does not carry the marker"):
            FENCE.check(build("db_feature1", other))


characters = st.sampled_from(
    [*"`'\"();,.-/*=\\ \n\x00{}:?$@%aA1_", "\u212a", "\u00a0", "é", " OR 1=1 ", "; DROP SCHEMA x; "]
)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(data=st.data(), statement=st.sampled_from(good_statements()))
def test_a_statement_whose_text_was_changed_anywhere_is_refused_or_still_does_only_what_it_may(
    data: st.DataObject, statement: Statement
) -> None:
    sql = statement.sql
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(sql)))
        sql = sql[:at] + data.draw(st.just("") | characters) + sql[at + data.draw(st.integers(0, 3)) :]

    with contextlib.suppress(UnsafeStatementError):
        FENCE.check(Statement(sql, statement.writes, statement.reads))

        assert effect(sql)[:2] == effect(statement.sql)[:2]
        assert effect(sql)[2] <= PURE


PURE = {exp.SHA2, exp.Cast, exp.If, exp.And, exp.Or, exp.CurrentDate, "HASH", "XXHASH64"}


def effect(sql: str) -> tuple[object, set[str], set[object]]:
    """What kind of statement it is, every table and schema that it names, every function that it calls."""
    (tree,) = sqlglot.parse(sql, dialect="databricks")
    assert tree is not None
    assert len(list(tree.find_all(exp.Query))) <= 1
    functions: set[object] = {
        node.name if isinstance(node, exp.Anonymous) else type(node) for node in tree.find_all(exp.Func)
    }
    return (type(tree), tree.args.get("kind")), {table.sql() for table in tree.find_all(exp.Table)}, functions


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300), st.sampled_from([("db_feature1",), ("db_feature1.t",)]))
def test_no_text_makes_the_fence_fail_otherwise_than_by_refusing(sql: str, writes: tuple[str, ...]) -> None:
    with pytest.raises(UnsafeStatementError):
        FENCE.check(Statement(sql, writes, ("db_test.t",)))


column_names = st.text(min_size=1, max_size=40) | st.text(alphabet="ab`'\" ;-\\*/.", min_size=1, max_size=12)


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(column_names, st.sampled_from(EVERY_MASK), st.text(max_size=20))
def test_whatever_a_column_and_its_value_are_called_the_statement_is_refused_or_is_itself(
    name: str, like: Projected, value: str
) -> None:
    columns = [replace(like, name=name), Projected(name, "string", value)]

    with contextlib.suppress(UnsafeStatementError):
        statement = statements.create_masked_view("db_feature1.v", "db_test.v", columns)
        FENCE.check(statement)

        assert (statement.writes, statement.reads) == (("db_feature1.v",), ("db_test.v",))


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(column_names, st.none() | st.text(max_size=20) | st.integers() | st.booleans() | st.dates() | st.datetimes())
def test_whatever_a_partition_is_called_it_is_refused_or_passes_as_itself(name: str, value: object) -> None:
    with contextlib.suppress(UnsafeStatementError):
        statement = statements.insert_overwrite(
            "db_feature1.t", "db_test.t", parse_predicate("a = 1"), columns=[Projected("a")], partition={name: value}
        )
        assert value is not None
        FENCE.check(statement)


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(st.text(max_size=40) | st.text(alphabet="ab`'\" ;-", max_size=12))
def test_whoever_is_granted_something_is_one_quoted_name(principal: str) -> None:
    with contextlib.suppress(UnsafeStatementError):
        statement = statements.grant("db_feature1", principal, ["SELECT"])
        FENCE.check(statement)

        assert statement.sql == f"GRANT SELECT ON SCHEMA `db_feature1` TO `{principal}`"
        assert "`" not in principal
