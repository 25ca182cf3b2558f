"""Which tables of a statement's syntax tree it writes, by kind of statement; a kind that is not listed is unclear."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Roles:
    """``temporary``: the view that the statement makes for its own session alone.

    ``incomplete``: something stands where a query has to, and is none.
    """

    written: Sequence[exp.Table]
    read: Sequence[exp.Table]
    temporary: exp.Table | None
    incomplete: bool


def roles_in(root: exp.Expr) -> Roles:
    """Raises UnclearSqlError for a kind of statement of which it is not certain what it writes."""
    nodes = list(root.walk())
    _check_nothing_hidden(root, nodes)
    written = [_table(one) for one in _targets(root, nodes) if one is not None]
    temporary = _temporary_view(root, nodes)
    others = {id(table) for table in (*written, temporary)}
    names_no_table = _names_no_table(root)
    read = [
        node
        for node in nodes
        if isinstance(node, exp.Table) and id(node) not in others and not names_no_table and not _is_no_table(node)
    ]
    return Roles(written, read, temporary, _is_incomplete(root, nodes))


def _targets(root: exp.Expr, nodes: Iterable[exp.Expr]) -> list[Any]:
    into = [node.this for node in nodes if isinstance(node, exp.Into)]
    if isinstance(root, exp.Query | exp.Values) or _temporary_view(root, nodes):
        return into
    for kind, targets in _TARGETS.items():
        if isinstance(root, kind):
            return [*targets(root), *into]
    raise UnclearSqlError


def _names_no_table(root: exp.Expr) -> bool:
    kind = _kind(root)
    of_schema = kind in _NAMESPACES and isinstance(root, exp.Create | exp.Comment | exp.Describe)
    of_function = kind == "FUNCTION" and isinstance(root, exp.Describe | exp.Drop)
    return of_schema or of_function or isinstance(root, exp.Grant | exp.Revoke | exp.Uncache)


def _is_no_table(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.UserDefinedFunction | exp.JoinHint | exp.Hint)


def _temporary_view(root: exp.Expr, nodes: Iterable[exp.Expr]) -> exp.Table | None:
    if isinstance(root, exp.Create):
        is_temporary = any(isinstance(node, exp.TemporaryProperty | exp.GlobalProperty) for node in nodes)
        return _table(root.this) if is_temporary and _kind(root) in _TABLE_KINDS else None
    return _table(root.this) if isinstance(root, exp.Cache) and root.args.get("expression") else None


def _check_nothing_hidden(root: exp.Expr, nodes: Iterable[exp.Expr]) -> None:
    """A change inside of another statement is a place where the parser has taken more than one for one."""
    if isinstance(root, exp.Merge | exp.MultitableInserts):
        return
    if any(isinstance(node, _CHANGES) and node is not root for node in nodes):
        raise UnclearSqlError


def _is_incomplete(root: exp.Expr, nodes: Iterable[exp.Expr]) -> bool:
    if any(isinstance(node, exp.CTE) and not _is_query(node.this) for node in nodes):
        return True
    body = root.args.get("expression")
    if isinstance(root, exp.Insert):
        return not (_is_query(body) or root.args.get("source"))
    return isinstance(root, exp.Create) and _kind(root) in _TABLE_KINDS and not (body is None or _is_query(body))


def _is_query(node: object) -> bool:
    return isinstance(node, exp.Query | exp.Values)


def _kind(root: exp.Expr) -> str:
    return str(root.args.get("kind") or "").upper()


def _insert(root: Any) -> list[Any]:
    return [None if isinstance(root.this, exp.Directory) else root.this]


def _create(root: Any) -> list[Any]:
    kind = _kind(root)
    if kind in _NAMESPACES or kind == "FUNCTION":
        return []
    if kind not in _TABLE_KINDS:
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
