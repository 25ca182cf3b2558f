from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from dagbranch.domain.predicates import parse_predicate, render
from dagbranch.errors import UnsafeStatementError


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ('date BETWEEN "2026-01-01" AND "2026-01-31"', "`date` BETWEEN '2026-01-01' AND '2026-01-31'"),
        ("date >= current_date() - 7", "`date` >= CURRENT_DATE - 7"),
        ("date >= date_sub(current_date(), 7)", "`date` >= DATE_ADD(CURRENT_DATE, 7 * -1)"),
        ("date >= current_date() - INTERVAL 7 DAYS", "`date` >= CURRENT_DATE - INTERVAL '7' DAYS"),
        ("DATE'2026-01-01' <= date", "CAST('2026-01-01' AS DATE) <= `date`"),
        ("country IN ('DE', 'AT') AND NOT is_test = true", "`country` IN ('DE', 'AT') AND NOT `is_test` = TRUE"),
        ("a = 1 -- a comment", "`a` = 1"),
        ("a = 'it\\'s'", "`a` = 'it\\'s'"),
        ("`a``b` = 1", "`a``b` = 1"),
        ("a = '; DROP TABLE t --'", "`a` = '; DROP TABLE t --'"),
        ("a = '{{ ds }}'", "`a` = '{{ ds }}'"),
        ("true", "TRUE"),
    ],
)
def test_a_condition_is_rendered_anew(text: str, rendered: str) -> None:
    assert render(parse_predicate(text)) == rendered


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "1",
        "a = 1; DROP TABLE t",
        "a = 1) OR (SELECT 1",
        "a = 1 UNION SELECT * FROM t",
        "a = 1 ORDER BY b",
        "a = 1 LIMIT 1",
        "a IN (SELECT b FROM other.t)",
        "EXISTS (SELECT 1 FROM other.t)",
        "a = (SELECT max(b) FROM other.t)",
        "a BETWEEN 1 AND (SELECT 2)",
        "other.t.a = 1",
        "t.a = 1",
        "secret('scope', 'key') = 'x'",
        "http_request(conn => 'x') = 1",
        "ai_query('m', a) = 'x'",
        "current_user() = 'x'",
        "java_method('java.lang.System', 'exit', 0) = 'x'",
        "reflect('java.lang.System', 'exit', 0) = 'x'",
        "my_catalog.my_schema.my_function(a) = 1",
        "read_files('s3://bucket') = 1",
        "a = :parameter",
        "a = ?",
        "a = ${x}",
        "a = @x",
        "count(*) = 1",
        "sum(a) OVER () = 1",
        "transform(a, x -> x) = 1",
        "CASE WHEN a THEN b END = 1",
        "a RLIKE '(a+)+$'",
        "(a, b) = (1, 2)",
        "a = 1 AND",
        "WHERE a = 1",
        "SELECT 1",
        "DROP TABLE t",
        "(" * 1_500 + "a = 1" + ")" * 1_500,
        "NOT " * 900 + "a = 1",
        "a = 1 OR " * 1_000 + "a = 1",
    ],
)
def test_anything_but_one_plain_condition_is_refused(text: str) -> None:
    with pytest.raises(UnsafeStatementError):
        parse_predicate(text)


def test_a_refusal_says_what_is_not_allowed() -> None:
    with pytest.raises(UnsafeStatementError, match=r"the function secret\(\) is not allowed in a predicate"):
        parse_predicate("date = secret('a', 'b')")
    with pytest.raises(UnsafeStatementError, match="a sub-query is not allowed in a predicate"):
        parse_predicate("date = (SELECT 1)")


WORDS = """a date 'x' "y" 1 = < AND OR NOT IN ( ) , ; -- /* */ SELECT FROM t . UNION BETWEEN IS NULL EXISTS ` ' " \\"""
words = st.sampled_from([*WORDS.split(" "), "secret(", "current_date()"])


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(), st.lists(words, max_size=12).map(" ".join)))
def test_what_passes_has_no_query_in_it_and_is_rendered_as_itself(text: str) -> None:
    try:
        tree = parse_predicate(text)
    except UnsafeStatementError:
        return

    assert not list(tree.find_all(exp.Query, exp.Table, exp.Anonymous, exp.Placeholder))
    assert render(parse_predicate(render(tree))) == render(tree)
