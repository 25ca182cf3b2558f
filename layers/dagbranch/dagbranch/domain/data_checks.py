"""A data check: a query of dagbranch.yaml that has to return no rows in a lane, for a commit to go on to the next one.

It is parsed, its schemas become the lane's own, and it is rendered anew, never pasted. Only the node types listed here
and in ``predicates`` pass: nothing that writes, and no function but a few that are pure, because among Databricks'
functions are some that read files and secrets, call other services or run other code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dagbranch.domain.predicates import DIALECT, PURE, described, render
from dagbranch.domain.questions import Question
from dagbranch.domain.statements import checked_name, table_tree
from dagbranch.errors import UnsafeStatementError

_QUERIES: Final = (exp.Select, exp.Union, exp.Except, exp.Intersect)
_CLAUSES: Final = (
    exp.Alias,
    exp.CTE,
    exp.Cube,
    exp.Distinct,
    exp.From,
    exp.Group,
    exp.GroupingSets,
    exp.Having,
    exp.Join,
    exp.Limit,
    exp.Offset,
    exp.Order,
    exp.Ordered,
    exp.Qualify,
    exp.Rollup,
    exp.Star,
    exp.Subquery,
    exp.Table,
    exp.TableAlias,
    exp.Tuple,
    exp.Values,
    exp.Where,
    exp.Window,
    exp.WindowSpec,
    exp.With,
)
_VALUES: Final = (
    exp.Bracket,
    exp.Case,
    exp.DPipe,
    exp.Dot,
    exp.Escape,
    exp.Exists,
    exp.Filter,
    exp.ILike,
    exp.If,
    exp.IntDiv,
    exp.JSONExtract,
    exp.JSONPath,
    exp.JSONPathKey,
    exp.JSONPathRoot,
    exp.JSONPathSubscript,
    exp.RawString,
    exp.WithinGroup,
)
_AGGREGATES: Final = (
    exp.AnyValue,
    exp.ApproxDistinct,
    exp.ApproxQuantile,
    exp.ArgMax,
    exp.ArgMin,
    exp.ArrayAgg,
    exp.ArrayUniqueAgg,
    exp.Avg,
    exp.Corr,
    exp.Count,
    exp.CountIf,
    exp.CovarPop,
    exp.CovarSamp,
    exp.First,
    exp.Grouping,
    exp.GroupConcat,
    exp.Last,
    exp.LogicalAnd,
    exp.LogicalOr,
    exp.Max,
    exp.Median,
    exp.Min,
    exp.Mode,
    exp.PercentileCont,
    exp.PercentileDisc,
    exp.Quantile,
    exp.Stddev,
    exp.StddevPop,
    exp.StddevSamp,
    exp.Sum,
    exp.Variance,
    exp.VariancePop,
)
_WINDOWS: Final = (
    exp.CumeDist,
    exp.DenseRank,
    exp.FirstValue,
    exp.Lag,
    exp.LastValue,
    exp.Lead,
    exp.NthValue,
    exp.Ntile,
    exp.PercentRank,
    exp.Rank,
    exp.RowNumber,
)
_FUNCTIONS: Final = (
    exp.Array,
    exp.ArrayContains,
    exp.ArraySize,
    exp.Ceil,
    exp.Concat,
    exp.ConcatWs,
    exp.Contains,
    exp.DateDiff,
    exp.DayOfWeek,
    exp.DayOfYear,
    exp.EndsWith,
    exp.Exp,
    exp.Extract,
    exp.Floor,
    exp.Greatest,
    exp.Hour,
    exp.Initcap,
    exp.IsInf,
    exp.IsNan,
    exp.JSONExtractScalar,
    exp.Least,
    exp.Left,
    exp.Ln,
    exp.Log,
    exp.MD5,
    exp.Minute,
    exp.MonthsBetween,
    exp.NextDay,
    exp.Nullif,
    exp.Nvl2,
    exp.Pow,
    exp.Quarter,
    exp.RegexpExtract,
    exp.RegexpLike,
    exp.RegexpReplace,
    exp.RegexpSplit,
    exp.Replace,
    exp.Reverse,
    exp.Right,
    exp.Round,
    exp.SHA,
    exp.SHA2,
    exp.Second,
    exp.Sign,
    exp.Split,
    exp.SplitPart,
    exp.Sqrt,
    exp.StartsWith,
    exp.StrPosition,
    exp.StrToTime,
    exp.StrToUnix,
    exp.TimeStrToTime,
    exp.TimeToStr,
    exp.TimeToUnix,
    exp.TimestampAdd,
    exp.TimestampDiff,
    exp.TsOrDsDiff,
    exp.UnixToStr,
    exp.UnixToTime,
    exp.WeekOfYear,
)
# That sqlglot has no type for.
_NAMED: Final = frozenset({"any", "every", "hash", "isnotnull", "isnull", "skewness", "kurtosis", "some", "xxhash64"})
_ALLOWED: Final = PURE.union(_QUERIES, _CLAUSES, _VALUES, _AGGREGATES, _WINDOWS, _FUNCTIONS)
_LONGEST: Final = 10_000


def data_check(sql: str, schemas: Mapping[str, str]) -> Question:
    """What to ask the warehouse: it answers one row where the check fails.

    ``schemas``: the full name of the lane's own schema for each that is declared. Raises UnsafeStatementError that says
    what is not allowed.
    """
    if len(sql) > _LONGEST:
        raise UnsafeStatementError(f"a data check has at most {_LONGEST} characters, this one {len(sql)}")
    query = _parsed(sql)
    _check(query)
    own = {declared.lower(): name for declared, name in schemas.items()}
    _check_columns(query, own)
    given = query.args.get("with_")
    query.set("with_", None)
    _rename([*(given.expressions if given else ()), query], own)
    asked = exp.select("*").from_(query.subquery("found")).limit(1)
    asked.set("with_", given)
    question = Question(render(asked))
    _check(_read_again(question.sql))
    return question


def _parsed(sql: str) -> exp.Query:
    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect=DIALECT) if not isinstance(tree, exp.Semicolon | None)]
    except (SqlglotError, RecursionError) as error:
        raise UnsafeStatementError("a data check is one query, and this cannot be read as one") from error
    if len(trees) != 1:
        raise UnsafeStatementError(f"a data check is one query, and these are {len(trees)} statements")
    (tree,) = trees
    if not isinstance(tree, _QUERIES):
        raise UnsafeStatementError(f"a data check is a query (SELECT …, WITH … SELECT), not {described(tree)}")
    return tree


def _read_again(sql: str) -> exp.Query:
    """What is asked is what was read: the tree that the warehouse makes of the text may not be another one."""
    tree = _parsed(sql)
    if render(tree) != sql:
        raise UnsafeStatementError("it is not rendered as it was read: write it more plainly")
    return tree


def _check(query: exp.Query) -> None:
    """Raises UnsafeStatementError for any node that is not on the lists."""
    for node in query.walk():
        if isinstance(node, exp.Anonymous) and node.name.lower() in _NAMED and not isinstance(node.parent, exp.Dot):
            continue
        if type(node) not in _ALLOWED:
            raise UnsafeStatementError(f"{described(node)} is not allowed in a data check")
        if isinstance(node, exp.With) and (node.recursive or node.parent is not query):
            raise UnsafeStatementError("WITH is not allowed in a data check but as its beginning, without RECURSIVE")


def _check_columns(query: exp.Expr, own: Mapping[str, str]) -> None:
    """A schema before a column would still be the declared one; a part of a column may look just like it."""
    for column in query.find_all(exp.Column):
        first = column.parts[0].name.lower()
        if len(column.parts) > 2 and first in own:
            raise UnsafeStatementError(f"{render(column)}: columns are named with their table or its alias alone")


def _rename(parts: Sequence[exp.Expr], own: Mapping[str, str]) -> None:
    """What WITH gives, in order, and the query itself: each may use the names that were given before it."""
    given: set[str] = set()
    for part in parts:
        for table in list(part.find_all(exp.Table)):
            if table.db or table.name.lower() not in given:
                _rename_table(table, own)
        given.add(part.alias.lower())


def _rename_table(table: exp.Table, own: Mapping[str, str]) -> None:
    """Raises UnsafeStatementError for a table that is in no declared schema."""
    renamed = table_tree(f"{_own_schema(table, own)}.{_table_name(table)}")
    for part in ("this", "db", "catalog"):
        table.set(part, renamed.args.get(part))


def _own_schema(table: exp.Table, own: Mapping[str, str]) -> str:
    declared = table.db.lower()
    if table.catalog or declared not in own:
        raise UnsafeStatementError(
            f"{render(table)} is not in a declared schema: expected {_listed(own)}, a dot and the table's name"
        )
    return own[declared]


def _table_name(table: exp.Table) -> str:
    if not isinstance(table.this, exp.Identifier):
        raise UnsafeStatementError(f"{described(table.this)} is no table")
    return checked_name(table.name)


def _listed(own: Mapping[str, str]) -> str:
    return " or ".join(sorted(own)) or "none, as data.schemas names none"
