from __future__ import annotations

import re

import pytest

from dagbranch.domain import statements
from dagbranch.domain.masks import Projected
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.statements import Statement
from dagbranch.errors import UnsafeStatementError

MARKER = SchemaMarker("feature1", "acme/pipelines", 7, "db_test")
JSON = (
    '{"dagbranch": 1, "environment": "feature1", "repository": "acme/pipelines", "pull_number": 7, "source": "db_test"}'
)
NOTE = "TBLPROPERTIES ('dagbranch.view'='ours')"
# What Databricks' reference lets a name be, between backticks.
NAME = r"`[^`]+`(\.`[^`]+`){0,2}"


def test_a_schema_is_made_with_its_marker_in_the_same_statement() -> None:
    assert statements.create_schema("db_f", MARKER) == Statement(f"CREATE SCHEMA `db_f` COMMENT '{JSON}'", ("db_f",))
    assert statements.create_schema("c.db_f", MARKER).sql == f"CREATE SCHEMA `c`.`db_f` COMMENT '{JSON}'"
    assert statements.comment_on_schema("c.db_f", MARKER).sql == f"COMMENT ON SCHEMA `c`.`db_f` IS '{JSON}'"
    assert statements.drop_schema("c.db_f").sql == "DROP SCHEMA `c`.`db_f` CASCADE"


def test_views_and_tables_tell_what_they_write_and_read() -> None:
    assert statements.create_view("f.v", "t.v") == Statement(
        f"CREATE VIEW `f`.`v` WITH SCHEMA EVOLUTION {NOTE} AS SELECT * FROM `t`.`v`", ("f.v",), ("t.v",)
    )
    assert statements.create_view("f.v", "t.v", replace=True).sql.startswith("CREATE OR REPLACE VIEW `f`.`v`")
    assert statements.create_table_like("c.f.t", "c.b.t", "none") == Statement(
        "CREATE TABLE `c`.`f`.`t` LIKE `c`.`b`.`t` TBLPROPERTIES ('dagbranch.seed'='none')", ("c.f.t",), ("c.b.t",)
    )
    assert statements.drop_view("f.v") == Statement("DROP VIEW `f`.`v`", ("f.v",))
    assert statements.drop_table("f.t") == Statement("DROP TABLE `f`.`t`", ("f.t",))
    assert statements.set_seed_note("f.t", "done 0a") == Statement(
        "ALTER TABLE `f`.`t` SET TBLPROPERTIES ('dagbranch.seed'='done 0a')", ("f.t",)
    )


def test_where_views_cannot_follow_one_with_the_columns_of_today_is_made() -> None:
    (instead,) = statements.create_view("f.v", "t.v", replace=True).otherwise

    assert instead == Statement(f"CREATE OR REPLACE VIEW `f`.`v` {NOTE} AS SELECT * FROM `t`.`v`", ("f.v",), ("t.v",))
    assert instead.otherwise == ()


def test_a_masked_view_has_just_the_columns_that_it_names() -> None:
    columns = [Projected("id"), Projected("Odd na`me", "string", "hash"), Projected("born", "date", None)]

    assert statements.create_masked_view("f.v", "t.v", columns) == Statement(
        f"CREATE VIEW `f`.`v` {NOTE} AS SELECT `id`, SHA2(`Odd na``me`, 256) AS `Odd na``me`, "
        "IF(FALSE, `born`, NULL) AS `born` FROM `t`.`v`",
        ("f.v",),
        ("t.v",),
    )
    assert statements.create_masked_view("f.v", "t.v", columns).otherwise == ()


def test_a_view_without_a_column_is_not_built() -> None:
    with pytest.raises(UnsafeStatementError, match="no column"):
        statements.create_masked_view("f.v", "t.v", [])


def test_a_seed_overwrites_with_the_rows_of_the_source() -> None:
    assert statements.insert_overwrite("f.t", "b.t", None) == Statement(
        "INSERT OVERWRITE TABLE `f`.`t` SELECT * FROM `b`.`t`", ("f.t",), ("b.t",)
    )
    assert statements.insert_overwrite("f.t", "b.t", parse_predicate('date = "2026-01-01"')).sql == (
        "INSERT OVERWRITE TABLE `f`.`t` SELECT * FROM `b`.`t` WHERE `date` = '2026-01-01'"
    )


def test_one_partition_is_overwritten_with_the_columns_that_it_does_not_name() -> None:
    columns = [Projected("id", "int", "hash")]

    assert statements.insert_overwrite(
        "f.t", "b.t", parse_predicate("a = 1 OR b = 2"), columns=columns, partition={"day": "2026-01-02", "n": -5}
    ).sql == (
        "INSERT OVERWRITE TABLE `f`.`t` PARTITION(`day` = '2026-01-02', `n` = -5) "
        "SELECT IF(`id` IS NULL, NULL, HASH(`id`)) AS `id` FROM `b`.`t` "
        "WHERE (`a` = 1 OR `b` = 2) AND `day` = '2026-01-02' AND `n` = -5"
    )


def test_a_partition_without_a_value_has_no_name() -> None:
    with pytest.raises(UnsafeStatementError, match="partition without a value of day"):
        statements.insert_overwrite("f.t", "b.t", None, partition={"day": None})


def test_a_clone_becomes_an_empty_table_where_the_warehouse_has_none() -> None:
    like = statements.create_table_like("f.t", "b.t", "pending 0a")

    clone = statements.shallow_clone("f.t", "b.t", "done 0a", lambda: like)

    assert clone.sql == "CREATE TABLE `f`.`t` SHALLOW CLONE `b`.`t` TBLPROPERTIES ('dagbranch.seed'='done 0a')"
    assert clone.otherwise == (like,)


# Databricks SQL language manual, GRANT: "GRANT privilege_types ON securable_object TO principal", REVOKE:
# "REVOKE privilege_types ON securable_object FROM principal"; privilege_types is a list with commas, and principals
# with special characters stand in backticks.
GRANT = re.compile(rf"GRANT [A-Z_]+( [A-Z_]+)*(, [A-Z_]+( [A-Z_]+)*)* ON SCHEMA {NAME} TO `[^`]+`")
REVOKE = re.compile(rf"REVOKE [A-Z_]+( [A-Z_]+)*(, [A-Z_]+( [A-Z_]+)*)* ON SCHEMA {NAME} FROM `[^`]+`")
# CREATE VIEW: "CREATE [ OR REPLACE ] VIEW view_name [ schema_binding | TBLPROPERTIES clause ] [...] AS query",
# schema_binding: "WITH SCHEMA { BINDING | COMPENSATION | [ TYPE ] EVOLUTION }".
VIEW = re.compile(
    rf"CREATE (OR REPLACE )?VIEW {NAME} (WITH SCHEMA EVOLUTION )?TBLPROPERTIES \('[^']+'='[^']+'\) AS SELECT .+"
)
# CREATE TABLE CLONE: "CREATE TABLE table_name SHALLOW CLONE source_table_name [TBLPROPERTIES clause] [LOCATION path]".
CLONE = re.compile(rf"CREATE TABLE {NAME} SHALLOW CLONE {NAME} TBLPROPERTIES \('[^']+'='[^']+'\)")
# CREATE TABLE LIKE: "CREATE TABLE table_name LIKE source_table_name [table_clauses]", among them TBLPROPERTIES.
LIKE = re.compile(rf"CREATE TABLE {NAME} LIKE {NAME} TBLPROPERTIES \('[^']+'='[^']+'\)")
# INSERT: "INSERT OVERWRITE TABLE table_name [ PARTITION clause ] query"; partition values are literals.
INSERT = re.compile(
    rf"INSERT OVERWRITE TABLE {NAME}( PARTITION\(`[^`]+` = '[^']+'\))? SELECT .+ FROM {NAME}( WHERE .+)?"
)


@pytest.mark.parametrize("catalog", ["", "marketing."])
def test_what_the_local_warehouse_does_not_run_follows_the_published_grammar(catalog: str) -> None:
    own, base = f"{catalog}db_f", f"{catalog}db_test"

    assert GRANT.fullmatch(statements.grant(own, "a1b2-c3", ["USE SCHEMA", "SELECT", "CREATE TABLE"]).sql)
    assert REVOKE.fullmatch(statements.revoke(own, "data readers", ["ALL PRIVILEGES", "READ_METADATA"]).sql)
    assert CLONE.fullmatch(statements.shallow_clone(f"{own}.t", f"{base}.t", "done 0a", None).sql)
    assert VIEW.fullmatch(statements.create_view(f"{own}.t", f"{base}.t").sql)
    assert VIEW.fullmatch(statements.create_masked_view(f"{own}.t", f"{base}.t", [Projected("a")], replace=True).sql)
    assert LIKE.fullmatch(statements.create_table_like(f"{own}.t", f"{base}.t", "pending 0a").sql)
    assert INSERT.fullmatch(statements.insert_overwrite(f"{own}.t", f"{base}.t", None, partition={"d": "x"}).sql)


def test_a_grant_names_its_privileges_its_schema_and_one_principal() -> None:
    assert statements.grant("c.f", "data readers", ["USE SCHEMA", "SELECT"]) == Statement(
        "GRANT USE SCHEMA, SELECT ON SCHEMA `c`.`f` TO `data readers`", ("c.f",)
    )
    assert statements.revoke("f", "me@acme.org", ["MODIFY"]) == Statement(
        "REVOKE MODIFY ON SCHEMA `f` FROM `me@acme.org`", ("f",)
    )


@pytest.mark.parametrize("principal", ["", "a`b", "a\nb", "a\x00", "x" * 256])
def test_no_grant_is_built_for_what_is_no_principal(principal: str) -> None:
    with pytest.raises(UnsafeStatementError, match="no name of a user"):
        statements.grant("f", principal, ["SELECT"])


@pytest.mark.parametrize("privileges", [[], ["select"], ["SELECT "], ["SELECT;"], ["SELECT ON SCHEMA `x`"], [""]])
def test_no_grant_is_built_of_what_are_no_privileges(privileges: list[str]) -> None:
    with pytest.raises(UnsafeStatementError, match="no privileges"):
        statements.revoke("f", "somebody", privileges)


def test_names_are_lower_case() -> None:
    assert statements.create_view("F.V", "T.V") == statements.create_view("f.v", "t.v")


@pytest.mark.parametrize(
    "name",
    ["", ".", "a.", ".a", "a..b", "a b", "a`b", "a'b", 'a"b', "a;b", "a/b", "a\nb", "a.b.c.d", "a--\n", "x" * 256],
)
def test_no_statement_is_built_of_anything_but_names(name: str) -> None:
    with pytest.raises(UnsafeStatementError):
        statements.create_view(name, "t.v")
    with pytest.raises(UnsafeStatementError):
        statements.grant(name, "somebody", ["SELECT"])
