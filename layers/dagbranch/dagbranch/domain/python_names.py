"""What the names of a Python module can stand for, scope by scope, as far as assignments of literals tell it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

_SCOPES: Final = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef})
# They say that a name is that of an outer scope, which may then be changed from here.
_REACHING_OUT: Final = frozenset({ast.Global, ast.Nonlocal})
_BINDING: Final = (
    _SCOPES
    | _REACHING_OUT
    | {
        *(
            ast.Assign,
            ast.AnnAssign,
            ast.AugAssign,
            ast.NamedExpr,
            ast.For,
            ast.AsyncFor,
            ast.comprehension,
            ast.withitem,
        ),
        *(ast.Call, ast.arg, ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.MatchAs, ast.MatchStar),
    }
)
_WITHOUT_NODES: Final = frozenset(
    {"arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "level", "module", "name", "names", "op"}
    | {"ops", "simple", "type_comment"}
)
_CHANGES: Final = frozenset({"add", "append", "clear", "extend", "insert", "pop", "remove", "update"})
_DEEPEST: Final = 10


@dataclass
class Scope:
    """The values that each name is given in a module, class or function; None among them for any that is not known."""

    outer: Scope | None = None
    is_class: bool = False
    given: dict[str, list[ast.expr | None]] = field(default_factory=dict)

    def bind(self, name: str, value: ast.expr | None) -> None:
        self.given.setdefault(name, []).append(value)

    def chain(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def values(self, name: str, depth: int = 0) -> list[ast.expr]:
        """Every value that the name can have here; empty where any of them is not known."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.given:
                found = [scope._each(value, depth) for value in scope.given[name]]  # noqa: SLF001 - of this class
                return [one for each in found for one in each] if all(found) else []
            scope = scope.outer
            while scope is not None and scope.is_class:  # which the functions in it do not see
                scope = scope.outer
        return []

    def _each(self, value: ast.expr | None, depth: int) -> list[ast.expr]:
        """``*items`` stands for each item, where the list is written out."""
        if not isinstance(value, ast.Starred):
            return [] if value is None else [value]
        items = value.value
        if isinstance(items, ast.Name):
            lists = self.values(items.id, depth + 1) if depth < _DEEPEST else []
        else:
            lists = [items]
        found = [one.elts for one in lists if isinstance(one, ast.Tuple | ast.List | ast.Set)]
        each = [item for one in found for item in one]
        return each if len(found) == len(lists) and not any(isinstance(one, ast.Starred) for one in each) else []


@dataclass(frozen=True)
class Module:
    """``scopes`` and ``parents``: by the identity of a node; ``imports``: the dotted name that each name stands for.

    ``nodes`` are in the order of the text, each before those in it.
    """

    nodes: list[ast.AST]
    scopes: Mapping[int, Scope]
    parents: Mapping[int, ast.AST]
    imports: Mapping[str, str]
    docstrings: frozenset[int]


def module_of(tree: ast.Module) -> Module:
    """One walk, without recursion."""
    nodes: list[ast.AST] = []
    scopes: dict[int, Scope] = {}
    parents: dict[int, ast.AST] = {}
    imports: dict[str, str] = {}
    waiting: list[tuple[ast.AST, Scope]] = [(tree, Scope())]
    while waiting:
        node, scope = waiting.pop()
        nodes.append(node)
        scopes[id(node)] = scope
        kind = node.__class__
        if kind in _BINDING:
            imports.update(_imported(node))
            for name, value in _bound(node):
                for home in scope.chain() if kind in _REACHING_OUT else (scope,):
                    home.bind(name, value)
        inner = Scope(scope, kind is ast.ClassDef) if kind in _SCOPES else scope
        children = _children(node)
        parents.update((id(child), node) for child in children)
        waiting += [(child, inner) for child in reversed(children)]
    docstrings = frozenset(
        id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )
    return Module(nodes, scopes, parents, imports, docstrings)


def _children(node: ast.AST) -> list[ast.AST]:
    """In the order of the text, without what never holds a name or a text."""
    found: list[ast.AST] = []
    for name in node._fields:
        if name in _WITHOUT_NODES:
            continue
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [one for one in value if isinstance(one, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def _imported(node: ast.AST) -> dict[str, str]:
    if isinstance(node, ast.Import):
        return {alias.asname: alias.name for alias in node.names if alias.asname} | {
            first: first for alias in node.names if not alias.asname for first in [alias.name.partition(".")[0]]
        }
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        return {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names}
    return {}


def _bound(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """The names that a node binds by itself; those in the targets of an assignment come with the assignment."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _in_target(target, value)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield from _in_target(target, value)
        case ast.NamedExpr(target=target, value=value):
            yield from _in_target(target, value)
        case ast.AugAssign(target=target):
            yield from _in_target(target, None)
        case ast.For(target=target, iter=items) | ast.AsyncFor(target=target, iter=items):
            yield from _of_loop(target, items)
        case ast.comprehension(target=target, iter=items):
            yield from _of_loop(target, items)
        case _:
            yield from ((name, None) for name in _bound_unknown(node))


def _bound_unknown(node: ast.AST) -> Iterator[str]:
    """Names that a node binds to what is not known, or changes."""
    match node:
        case ast.withitem(optional_vars=ast.expr() as target):
            yield from (name for name, _ in _in_target(target, None))
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in _CHANGES:
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name


def _in_target(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.expr | None]]:
    match target:
        case ast.Name(id=name):
            yield name, value
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            fits = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(elements)
            values = value.elts if isinstance(value, ast.Tuple | ast.List) and fits else [None] * len(elements)
            for element, one in zip(elements, values, strict=True):
                yield from _in_target(element, one)
        case ast.Starred(value=inner):
            yield from _in_target(inner, None)


def _of_loop(target: ast.expr, items: ast.expr) -> Iterator[tuple[str, ast.expr | None]]:
    """Each item; of a list by another name, only as a whole."""
    if isinstance(target, ast.Name):
        yield target.id, ast.Starred(items)
        return
    values = items.elts if isinstance(items, ast.Tuple | ast.List) else [None]
    for value in values:
        yield from _in_target(target, value)
