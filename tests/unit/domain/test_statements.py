from __future__ import annotations

import pytest

from dagbranch.domain import statements
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.statements import Question, Statement
from dagbranch.errors import UnsafeStatementError

MARKER = SchemaMarker("feature1", "acme/pipelines", 7, "db_test")
JSON = (
    '{"dagbranch": 1, "environment": "feature1", "repository": "acme/pipelines", "pull_number": 7, "source": "db_test"}'
)


def test_a_schema_is_made_with_its_marker_in_the_same_statement() -> None:
    assert statements.create_schema("db_f", MARKER) == Statement(f"CREATE SCHEMA `db_f` COMMENT '{JSON}'", ("db_f",))
    assert statements.create_schema("c.db_f", MARKER).sql == f"CREATE SCHEMA `c`.`db_f` COMMENT '{JSON}'"
    assert statements.comment_on_schema("c.db_f", MARKER).sql == f"COMMENT ON SCHEMA `c`.`db_f` IS '{JSON}'"
    assert statements.drop_schema("c.db_f").sql == "DROP SCHEMA `c`.`db_f` CASCADE"


def test_views_and_tables_tell_what_they_write_and_read() -> None:
    assert statements.create_view("f.v", "t.v") == Statement(
        "CREATE VIEW `f`.`v` AS SELECT * FROM `t`.`v`", ("f.v",), ("t.v",)
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


def test_a_seed_overwrites_with_the_rows_of_the_source() -> None:
    assert statements.insert_overwrite("f.t", "b.t", None) == Statement(
        "INSERT OVERWRITE TABLE `f`.`t` SELECT * FROM `b`.`t`", ("f.t",), ("b.t",)
    )
    assert statements.insert_overwrite("f.t", "b.t", parse_predicate('date = "2026-01-01"')).sql == (
        "INSERT OVERWRITE TABLE `f`.`t` SELECT * FROM `b`.`t` WHERE `date` = '2026-01-01'"
    )


def test_questions_change_nothing_and_quote_their_names() -> None:
    assert statements.show_schemas(None, {"b", "A"}) == Question("SHOW SCHEMAS LIKE 'a|b'")
    assert statements.show_schemas("c", ["a"]) == Question("SHOW SCHEMAS IN `c` LIKE 'a'")
    assert statements.show_tables("c.a") == Question("SHOW TABLES IN `c`.`a`")
    assert statements.show_views("a") == Question("SHOW VIEWS IN `a`")
    assert statements.describe_schema("c.a") == Question("DESCRIBE SCHEMA EXTENDED `c`.`a`")
    assert statements.show_properties("c.a.t") == Question("SHOW TBLPROPERTIES `c`.`a`.`t`")


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
        statements.show_tables(name)
    with pytest.raises(UnsafeStatementError):
        statements.show_schemas(None, [name])
