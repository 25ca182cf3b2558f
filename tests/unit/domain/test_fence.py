from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagbranch.domain import statements
from dagbranch.domain.fence import Fence
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.statements import Statement
from dagbranch.errors import UnsafeStatementError

MARKER = SchemaMarker("feature1", "acme/pipelines", 1, "db_test")
FENCE = Fence(MARKER, frozenset({"db_feature1"}), frozenset({"db_test"}))


@pytest.mark.parametrize("catalog", ["", "marketing."])
def test_what_the_builders_make_inside_of_the_environment_passes(catalog: str) -> None:
    own, source = f"{catalog}db_feature1", f"{catalog}db_test"
    fence = Fence(MARKER, frozenset({own}), frozenset({source}))

    for statement in (
        statements.create_schema(own, MARKER),
        statements.comment_on_schema(own, MARKER),
        statements.create_view(f"{own}.v", f"{source}.v"),
        statements.create_view(f"{own}.v", f"{source}.v", replace=True),
        statements.create_table_like(f"{own}.t-1", f"{source}.t-1", "pending"),
        statements.insert_overwrite(f"{own}.t", f"{source}.t", None),
        statements.insert_overwrite(f"{own}.t", f"{source}.t", parse_predicate("a = 'it\\'s' OR b > 1")),
        statements.set_seed_note(f"{own}.t", "done 0123"),
        statements.drop_view(f"{own}.v"),
        statements.drop_table(f"{own}.t"),
        statements.drop_schema(own),
    ):
        fence.check(statement)


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
    ],
    ids=lambda statement: statement.sql,
)
def test_what_leaves_the_environment_is_refused(statement: Statement) -> None:
    with pytest.raises(UnsafeStatementError):
        FENCE.check(statement)


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
        "CREATE VIEW `db_feature1`.`v` AS SELECT * FROM `db_test`.`v`, `db_live`.`v`",
        "CREATE VIEW `db_feature1`.`v` AS SELECT * FROM `db_test`.`v` JOIN `db_live`.`v`",
        "CREATE VIEW `db_feature1`.`v` AS SELECT * FROM `db_test`.`v` UNION SELECT * FROM `db_live`.`v`",
        "CREATE VIEW `db_feature1`.`v` AS SELECT *, secret('a', 'b') FROM `db_test`.`v`",
        "CREATE VIEW `db_feature1`.`v` AS SELECT * FROM `db_test`.`v` WHERE a IN (SELECT b FROM `db_live`.`v`)",
        "CREATE VIEW `db_feature1`.`v` AS WITH x AS (SELECT * FROM `db_live`.`v`) SELECT * FROM `db_test`.`v`",
        "CREATE VIEW `db_feature1`.`v` AS SELECT * FROM read_files('s3://bucket')",
        "CREATE VIEW `db_feature1`.`v` AS SELECT * FROM `db_test`.`v` VERSION AS OF 1",
        "CREATE VIEW `db_feature1`.`v` AS SELECT * FROM (SELECT * FROM `db_live`.`v`)",
        "CREATE TEMPORARY VIEW `db_feature1`.`v` AS SELECT * FROM `db_test`.`v`",
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
        "GRANT ALL PRIVILEGES ON SCHEMA `db_feature1` TO `everybody`",
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
            f"CREATE VIEW `db_feature1`.`{target.lower()}` AS SELECT * FROM `db_test`.`{source.lower()}`"
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
