"""Python's syntax trees, as far as the readers of DAG modules have them in common."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Mapping
from typing import Final

# What is no Python of this version raises, or what is nested too deep.
UNREADABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError)
_DAG: Final = frozenset({"DAG", "dag"})
# Fields that never hold another node, or none that any reader asks for.
_WITHOUT_NODES: Final = frozenset(
    {"arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "kwd_attrs", "level", "module", "name"}
    | {"names", "op", "ops", "rest", "simple", "tag", "type_comment", "lineno"}
)


def parsed(source: bytes) -> ast.Module:
    """Raises one of UNREADABLE."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        names = () if kind is ast.Constant else tuple(name for name in kind._fields if name not in _WITHOUT_NODES)
        self[kind] = names
        return names


_fields: Final = _Fields()


def nodes_by_kind(tree: ast.AST, groups: Mapping[str, Collection[type[ast.AST]]]) -> dict[str, list[ast.AST]]:
    """The nodes of each group of kinds, each before those in it: one walk, in a third of the time of ``ast.walk``."""
    found: dict[str, list[ast.AST]] = {name: [] for name in groups}
    wanted = {kind: found[name] for name, kinds in groups.items() for kind in kinds}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node is None:  # `{**mapping}` has a key of None
            continue
        kind = node.__class__
        if kind in wanted:
            wanted[kind].append(node)
        for name in _fields[kind]:
            value = getattr(node, name)
            if value.__class__ is list:
                waiting.extend(value)
            elif value is not None:
                waiting.append(value)
    return found


def called(function: ast.expr) -> str:
    """The last name of what is called: ``join`` of ``os.path.join(…)``."""
    if function.__class__ is ast.Name:
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def given_dag_ids(call: ast.Call) -> list[ast.expr]:
    """What a ``DAG(…)`` or ``@dag(…)`` call has as the id; empty for any other call."""
    if called(call.func) not in _DAG:
        return []
    return [keyword.value for keyword in call.keywords if keyword.arg == "dag_id"] or call.args[:1]


def listed(node: ast.expr | None) -> list[ast.expr]:
    """The elements of a list that is written out; of anything else, itself."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return node.elts
    return [] if node is None else [node]


def first_argument(call: ast.Call) -> ast.expr | None:
    return call.args[0] if call.args else None


def base_of(call: ast.Call) -> ast.expr | None:
    """What the called method is of."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None
