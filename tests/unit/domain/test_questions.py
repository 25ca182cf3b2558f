from __future__ import annotations

import pytest

from dagbranch.domain import questions
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.questions import Question
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.errors import UnsafeStatementError


def test_marked_schemas_are_asked_for_by_the_beginning_of_every_marker() -> None:
    marker = str(SchemaMarker("feature1", "acme/pipelines", 1, lane="stage"))

    question = questions.marked_schemata("Marketing").sql

    beginning = question.partition("LIKE '")[2].removesuffix("%'")
    assert marker.startswith(beginning)
    assert question == (
        "SELECT `schema_name`, `comment` FROM `marketing`.`information_schema`.`schemata` "
        """WHERE `comment` LIKE '{"dagbranch": 1%'"""
    )
    assert " FROM `information_schema`.`schemata` " in questions.marked_schemata(None).sql


def test_questions_change_nothing_and_quote_their_names() -> None:
    assert questions.show_schemas("C") == Question("SHOW SCHEMAS IN `c`")
    assert questions.show_schemas(None) == Question("SHOW SCHEMAS")
    assert questions.show_tables("c.A") == Question("SHOW TABLES IN `c`.`a`")
    assert questions.show_views("a") == Question("SHOW VIEWS IN `a`")
    assert questions.describe_schema("c.a") == Question("DESCRIBE SCHEMA EXTENDED `c`.`a`")
    assert questions.describe_table("c.a.t") == Question("DESCRIBE TABLE EXTENDED `c`.`a`.`t` AS JSON")


def test_grants_are_asked_for_as_the_reference_has_it() -> None:
    """Databricks SQL language manual, SHOW GRANTS: "SHOW GRANTS [ principal ] ON securable_object"."""
    assert questions.show_grants("c.a") == Question("SHOW GRANTS ON SCHEMA `c`.`a`")


def test_partitions_are_asked_for_in_their_order_and_where_the_condition_holds() -> None:
    assert questions.distinct_partitions("b.t", ["Day", "h`r"], parse_predicate("Day > '2026-01-01'")) == Question(
        "SELECT DISTINCT `Day`, `h``r` FROM `b`.`t` WHERE `Day` > '2026-01-01' ORDER BY `Day`, `h``r`"
    )
    assert questions.distinct_partitions("b.t", ["d"], None) == Question(
        "SELECT DISTINCT `d` FROM `b`.`t` ORDER BY `d`"
    )


@pytest.mark.parametrize("name", ["", "a b", "a`; DROP SCHEMA b --", "a.b.c.d", "a\n"])
@pytest.mark.parametrize(
    "ask", [questions.show_tables, questions.show_views, questions.describe_schema, questions.show_grants]
)
def test_no_question_is_asked_about_what_is_no_name(ask: object, name: str) -> None:
    assert callable(ask)

    with pytest.raises(UnsafeStatementError):
        ask(name)
