"""Seed predicates: one boolean expression over the columns of one table, parsed and rendered anew, never pasted.

Only the node types listed here pass. So there are no sub-queries, no parameters, and no function but a few that
are pure: among Databricks' functions are some that read secrets or call other services.
"""

from __future__ import annotations

from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

from dagbranch.errors import UnsafeStatementError

DIALECT: Final = "databricks"
_LONGEST: Final = 4_000
_DIALECT: Final = Dialect.get_or_raise(DIALECT)

_CONDITIONS: Final = (
    exp.And,
    exp.Or,
    exp.Not,
    exp.EQ,
    exp.NEQ,
    exp.NullSafeEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.Between,
    exp.In,
    exp.Is,
    exp.Like,
)
_VALUES: Final = (
    exp.Paren,
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.Boolean,
    exp.Null,
    exp.Neg,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.Cast,
    exp.TryCast,
    exp.DataType,
    exp.DataTypeParam,
    exp.Interval,
    exp.Var,
)
_FUNCTIONS: Final = (
    exp.Abs,
    exp.AddMonths,
    exp.Coalesce,
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.Date,
    exp.DateAdd,
    exp.DateSub,
    exp.DateTrunc,
    exp.Day,
    exp.LastDay,
    exp.Length,
    exp.Lower,
    exp.Month,
    exp.StrToDate,
    exp.Substring,
    exp.TimestampTrunc,
    exp.Trim,
    exp.TsOrDsAdd,
    exp.TsOrDsToDate,
    exp.Upper,
    exp.Year,
)
# What changes nothing, asks nobody and is never without end; data checks allow it too.
PURE: Final[frozenset[type]] = frozenset({*_CONDITIONS, *_VALUES, *_FUNCTIONS})


def parse_predicate(text: str) -> exp.Expr:
    """The predicate's tree. Raises UnsafeStatementError that says what is not allowed.

    As in Databricks, double quotes make a string: ``date = "2026-01-31"``.
    """
    if len(text) > _LONGEST:
        raise UnsafeStatementError(f"a predicate has at most {_LONGEST} characters, this one {len(text)}")
    try:
        # `into` makes the parser refuse whatever follows one condition: ORDER BY, UNION, a second statement.
        tree = sqlglot.parse_one(text, into=exp.Condition, dialect=DIALECT)
        rendered = render(tree)
        stable = rendered == render(sqlglot.parse_one(rendered, into=exp.Condition, dialect=DIALECT))
    except (SqlglotError, RecursionError) as error:
        raise UnsafeStatementError(f"{_shortened(text)} is no single SQL condition") from error
    check_predicate(tree)
    if not stable:
        raise UnsafeStatementError(f"{_shortened(text)} is not rendered as it was read: write it more plainly")
    return tree


def check_predicate(tree: exp.Expr) -> None:
    """Raises UnsafeStatementError for any node that is not on the list."""
    if not isinstance(tree.unnest(), (*_CONDITIONS, exp.Boolean)):
        raise UnsafeStatementError(f"{render(tree)} is no condition: compare, as in date >= '2026-01-01'")
    for node in tree.walk():
        if type(node) not in PURE:
            raise UnsafeStatementError(f"{described(node)} is not allowed in a predicate")
        if isinstance(node, exp.Column) and node.parts[:-1]:
            raise UnsafeStatementError(f"{render(node)}: columns are named without a qualifier")


def render(tree: exp.Expr) -> str:
    """Databricks' SQL with every identifier quoted, on one line, without comments."""
    return str(_DIALECT.generator(identify=True, comments=False).generate(tree, copy=False))


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")


def described(node: exp.Expr) -> str:
    """In words, for whoever wrote it."""
    if isinstance(node, exp.Anonymous):
        return f"the function {node.name}()"
    if isinstance(node, exp.Func):
        return f"the function {node.sql_name().lower()}()"
    if isinstance(node, exp.Query | exp.Subquery):
        return "a sub-query"
    return f"{type(node).__name__} ({render(node)[:80]})"
