"""Which tables of a statement's syntax tree it writes, by kind of statement; a kind that is not listed is unclear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sqlglot import exp

from dagbranch.domain.sql_statements import UnclearSqlError

_TABLE_KINDS: Final = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "STREAMING TABLE"})
_NAMESPACES: Final = frozenset({"SCHEMA", "DATABASE", "CATALOG"})
_WITHOUT_TARGET: Final = (
    *(exp.Cache, exp.Uncache, exp.Describe, exp.Set, exp.Declare, exp.Grant, exp.Revoke),
    *(exp.Commit, exp.Rollback, exp.Transaction),
)
_CHANGES: Final = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Command, exp.Copy)


def written_tables(root: exp.Expr) -> list[exp.Table]:
    """Every other table in the tree is read, but for those that ``unused_tables`` names.

    Raises UnclearSqlError for a kind of statement of which that is not certain.
    """
    _check_nothing_hidden(root)
    if isinstance(root, exp.Query | exp.Values):
        return [_table(into.this) for into in root.find_all(exp.Into)]
    for kind, targets in _TARGETS.items():
        if isinstance(root, kind):
            return [_table(one) for one in targets(root) if one is not None]
    raise UnclearSqlError


def unused_tables(root: exp.Expr) -> Iterator[exp.Expr]:
    """Names that are no table's, or of which nothing is read: of schemas, functions, hints, securables."""
    for found in root.find_all(exp.UserDefinedFunction, exp.Hint, exp.Uncache):
        yield from found.find_all(exp.Table)
    kind = _kind(root)
    of_namespace = kind in {*_NAMESPACES, "FUNCTION"} and isinstance(root, exp.Comment | exp.Describe | exp.Drop)
    is_schema = kind in _NAMESPACES and isinstance(root, exp.Create)
    if isinstance(root, exp.Grant | exp.Revoke) or of_namespace or is_schema:
        yield from root.find_all(exp.Table)


def temporary_view(root: exp.Expr) -> exp.Table | None:
    """What the statement makes for its own session alone."""
    if isinstance(root, exp.Create) and root.find(exp.TemporaryProperty, exp.GlobalProperty):
        return _table(root.this)
    return _table(root.this) if isinstance(root, exp.Cache) and root.args.get("expression") else None


def _check_nothing_hidden(root: exp.Expr) -> None:
    """A change inside of another statement is a place where the parser has taken more than one for one."""
    if isinstance(root, exp.Merge | exp.MultitableInserts):
        return
    if any(node is not root for node in root.find_all(*_CHANGES)):
        raise UnclearSqlError


def _kind(root: exp.Expr) -> str:
    return str(root.args.get("kind") or "").upper()


def _insert(root: Any) -> list[Any]:
    if root.args.get("expression") is None and root.args.get("source") is None:
        raise UnclearSqlError
    return [None if isinstance(root.this, exp.Directory) else root.this]


def _create(root: Any) -> list[Any]:
    kind, body = _kind(root), root.args.get("expression")
    if kind in _NAMESPACES or kind == "FUNCTION" or temporary_view(root):
        return []
    if kind not in _TABLE_KINDS or (body is not None and not isinstance(body, exp.Query | exp.Values)):
        raise UnclearSqlError
    return [root.this]


def _drop(root: Any) -> list[Any]:
    return list(_dropped(root)) if _kind(root) in _TABLE_KINDS else _nothing_for(root, "FUNCTION")


def _dropped(root: Any) -> Iterator[Any]:
    found = root.args.get("tables") or [root.this]
    yield from found


def _nothing_for(root: Any, *kinds: str) -> list[Any]:
    if _kind(root) in kinds:
        return []
    raise UnclearSqlError


def _alter(root: Any) -> list[Any]:
    if _kind(root) not in _TABLE_KINDS:
        raise UnclearSqlError
    renamed = root.find_all(exp.AlterRename, exp.SwapTable)
    return [root.this, *(one.this for one in renamed)]


def _refresh(root: Any) -> list[Any]:
    return [] if _kind(root) == "TABLE" else [root.this]


def _analyze(root: Any) -> list[Any]:
    """Statistics are kept with a table: on a view it fails."""
    if _kind(root) != "TABLE":
        raise UnclearSqlError
    return list(_dropped(root))


def _comment(root: Any) -> list[Any]:
    return [root.this] if _kind(root) in _TABLE_KINDS else _nothing_for(root, *_NAMESPACES)


def _nothing(_: Any) -> list[Any]:
    return []


def _this(root: Any) -> list[Any]:
    return [root.this]


_TARGETS: Final[Mapping[type[exp.Expr], Callable[[Any], list[Any]]]] = {
    exp.Insert: _insert,
    exp.MultitableInserts: lambda root: [one for insert in root.expressions for one in _insert(insert)],
    exp.Merge: _this,
    exp.Update: _this,
    exp.Delete: lambda root: [root.this, *(root.args.get("tables") or [])],
    exp.Create: _create,
    exp.TruncateTable: lambda root: root.expressions,
    exp.Drop: _drop,
    exp.Alter: _alter,
    exp.Copy: _this,
    exp.Analyze: _analyze,
    exp.Refresh: _refresh,
    exp.Comment: _comment,
    exp.LoadData: _this,
    **dict.fromkeys(_WITHOUT_TARGET, _nothing),
}


def _table(node: Any) -> exp.Table:
    """``t (a, b)`` and ``t PARTITION (…)`` are the table with something behind it."""
    found = node.this if isinstance(node, exp.Schema) else node
    if not isinstance(found, exp.Table):
        raise UnclearSqlError
    return found
