"""What the expressions of a Jinja template certainly are, by its syntax tree: no code of a template ever runs."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jinja2 import nodes

from dagbranch.domain.sql_text import HOLE, schema_call

# A value that only rendering would tell. Others are texts, numbers, booleans, None, lists and dictionaries.
UNKNOWN: Final = object()
_ONLY_ITEM: Final = {"first": True, "last": True, "index": 1, "index0": 0, "length": 1, "revindex": 1, "revindex0": 0}
_COMPARED: Final = {"eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "lt": operator.lt} | {
    "gteq": operator.ge,
    "lteq": operator.le,
}
_LONGEST: Final = 10_000
_TEXT_FILTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower,
    "string": str,
    "trim": str.strip,
    "upper": str.upper,
}
# Any other method of a list or dictionary may change it.
_HARMLESS_METHODS: Final = frozenset(
    {"items", "keys", "values", "get", "copy", "index", "count"}
    | {"format", "join", "lower", "replace", "split", "startswith", "strip", "upper"}
)

Scope = Mapping[str, Any]
# Which way a test goes that is not known: asked with what makes it the same test elsewhere.
Decide = Callable[[object], bool]


class Values:
    """Evaluates expressions; ``decide`` takes one way of each test that is not known.

    ``changing``: names whose values are not those of their last assignment alone; ``assigned``: those with any.
    """

    def __init__(self, tree: nodes.Template, decide: Decide) -> None:
        self._decide = decide
        self.changing = set(_changed_names(tree))
        self.assigned = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        self.assigned |= {macro.name for macro in tree.find_all(nodes.Macro)} | set(_imported(tree))

    def value(self, node: nodes.Expr | None, scope: Scope) -> Any:
        found = self._value(node, scope)
        return UNKNOWN if isinstance(found, str) and len(found) > _LONGEST else found

    def _value(self, node: nodes.Expr | None, scope: Scope) -> Any:  # noqa: PLR0911 - one line for each kind of node
        match node:
            case nodes.Const():
                return node.value
            case nodes.Name():
                return UNKNOWN if node.name in self.changing else scope.get(node.name, UNKNOWN)
            case nodes.Concat():
                return "".join(text_of(self.value(one, scope)) for one in node.nodes)
            case nodes.Add():
                return _sum(self.value(node.left, scope), self.value(node.right, scope))
            case nodes.CondExpr():
                holds = self.holds(node.test, scope, separators=_are_separators(node))
                return self.value(node.expr1, scope) if holds else self._otherwise(node, scope)
            case nodes.List() | nodes.Tuple():
                return [self.value(one, scope) for one in node.items]
            case nodes.Dict():
                return {_key(self.value(one.key, scope)): self.value(one.value, scope) for one in node.items}
        return self._made(node, scope)

    def _otherwise(self, node: nodes.CondExpr, scope: Scope) -> Any:
        return "" if node.expr2 is None else self.value(node.expr2, scope)

    def _made(self, node: nodes.Expr | None, scope: Scope) -> Any:
        match node:
            case nodes.Filter(name=name) if name in _TEXT_FILTERS:
                found = self.value(node.node, scope)
                return _TEXT_FILTERS[name](found) if isinstance(found, str) else UNKNOWN
            case nodes.Getattr():
                return _part(self.value(node.node, scope), node.attr)
            case nodes.Getitem():
                return _part(self.value(node.node, scope), self.value(node.arg, scope))
            case nodes.Call(node=nodes.Name(name="schema"), args=[given]) if "schema" not in self.assigned:
                name = self.value(given, scope)
                return schema_call(name) if isinstance(name, str) else UNKNOWN
            case nodes.Call(node=nodes.Getattr(attr="items", node=items), args=[]):
                found = self.value(items, scope)
                return [[key, value] for key, value in found.items()] if isinstance(found, dict) else UNKNOWN
        return UNKNOWN

    def holds(self, test: nodes.Expr, scope: Scope, *, separators: bool) -> bool:
        """``separators``: whether all that depends on it is what stands between items, as ``UNION ALL`` does.

        Where a loop's items are not known, one of them stands for all: it is the first and the last.
        """
        if isinstance(test, nodes.Not):
            return not self.holds(test.node, scope, separators=separators)
        found = self._truth(test, scope)
        if found is UNKNOWN and separators:
            found = self._truth(test, {**scope, "loop": _ONLY_ITEM})
        if found is not UNKNOWN:
            return bool(found)
        names = {name.name for name in _names(test)}
        is_stable = not names & self.assigned and "loop" not in names and not list(test.find_all(nodes.Call))
        return self._decide(repr(test) if is_stable else id(test))

    def _truth(self, test: nodes.Expr, scope: Scope) -> Any:
        if isinstance(test, nodes.Compare) and len(test.ops) == 1 and test.ops[0].op in _COMPARED:
            one, other = self.value(test.expr, scope), self.value(test.ops[0].expr, scope)
            certain = type(one) is type(other) and isinstance(one, str | int) and HOLE not in f"{one}{other}"
            return _COMPARED[test.ops[0].op](one, other) if certain else UNKNOWN
        found = self.value(test, scope)
        return UNKNOWN if isinstance(found, str) and HOLE in found else found


def text_of(value: Any) -> str:
    """What it is as a part of a text; a hole where that is not certain."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else HOLE


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, list) and isinstance(right, list):
        return left + right
    if isinstance(left, str) or isinstance(right, str):
        return text_of(left) + text_of(right)
    return UNKNOWN


def _key(value: Any) -> Any:
    return value if isinstance(value, str | int) else UNKNOWN


def _part(whole: Any, key: Any) -> Any:
    if isinstance(whole, dict):
        return whole.get(key, UNKNOWN) if isinstance(key, str | int) and UNKNOWN not in whole else UNKNOWN
    if isinstance(whole, list) and isinstance(key, int) and -len(whole) <= key < len(whole):
        return whole[key]
    return UNKNOWN


def _are_separators(node: nodes.CondExpr) -> bool:
    given = (node.expr1, node.expr2)
    return all(one is None or (isinstance(one, nodes.Const) and is_separator(str(one.value))) for one in given)


def is_separator(text: str) -> bool:
    return all(part in {"", "UNION", "ALL", "DISTINCT", "AND", "OR", ","} for part in text.upper().split())


def _names(test: nodes.Expr) -> Iterator[nodes.Name]:
    if isinstance(test, nodes.Name):
        yield test
    yield from test.find_all(nodes.Name)


def _changed_names(tree: nodes.Template) -> Iterator[str]:
    for call in tree.find_all(nodes.Call):
        method = call.node
        if isinstance(method, nodes.Getattr) and isinstance(method.node, nodes.Name):
            yield from () if method.attr in _HARMLESS_METHODS else (method.node.name,)
    for reference in tree.find_all(nodes.NSRef):
        yield reference.name


def _imported(tree: nodes.Template) -> Iterator[str]:
    yield from (one.target for one in tree.find_all(nodes.Import))
    for names in (one.names for one in tree.find_all(nodes.FromImport)):
        yield from (name[1] if isinstance(name, tuple) else name for name in names)
