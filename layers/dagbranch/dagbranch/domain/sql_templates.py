"""Reads Jinja templates of SQL by their syntax tree, never rendering one: each of its variants is read as SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from jinja2 import Environment, TemplateError, nodes

from dagbranch.domain.sql_reading import SqlReader, read_sql
from dagbranch.domain.sql_text import HOLE, SqlText
from dagbranch.domain.table_uses import Uses
from dagbranch.domain.template_values import UNKNOWN, Values, is_separator, text_of

MARKS: Final = ("{{", "{%", "{#")
_MOST_VARIANTS: Final = 32
_MOST_TEXT: Final = 300_000  # of all variants together; a second or two
_MOST_ITEMS: Final = 50
_DEEPEST_CALL: Final = 8
# What puts nothing into the text by itself.
_SILENT: Final = (nodes.Macro, nodes.Import, nodes.FromImport, nodes.ExprStmt, nodes.Continue, nodes.Break)
_UNREADABLE: Final = (TemplateError, RecursionError, ValueError)
# Its parser alone is used: there is no loader, and nothing is compiled.
_environment: Final = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701 - renders nothing


def read_template(source: str, *, temporary: Collection[str] = (), follows_use: bool = True) -> Uses:
    """Lines are counted from 1. What is no template is read as the SQL that it is; see ``read_sql`` for the rest."""
    if not any(mark in source for mark in MARKS):
        return read_sql(source, temporary=temporary, follows_use=follows_use)
    try:
        tree = _environment.parse(source)
        variants = list(_variants(tree))
    except _UNREADABLE as error:
        return Uses(unknown={getattr(error, "lineno", None) or 1})
    uses = _read_all([text for text, _ in variants], temporary, follows_use=follows_use)
    for _, unknown in variants:
        uses.unknown.update(unknown)
    return uses


def _read_all(texts: list[SqlText], temporary: Collection[str], *, follows_use: bool) -> Uses:
    """Where variants use other schemas, a statement that all of them have belongs to none."""
    readers = [SqlReader(text, temporary=temporary, follows_use=follows_use) for text in texts]
    for reader in readers:
        reader.read()
    if any(reader.schemas != readers[0].schemas for reader in readers):
        readers = [SqlReader(text, temporary=temporary, follows_use=False) for text in texts]
        for reader in readers:
            reader.read()
    uses = Uses()
    for reader in readers:
        uses.add(reader.uses)
    return uses


def _variants(tree: nodes.Template) -> Iterator[tuple[SqlText, set[int]]]:
    """The text for every combination of ways that tests can go, each with the lines that it leaves unknown.

    Too many of them are one text that is not known at the line of the test that was one too many.
    """
    taken: list[bool] = []
    length = 0
    for _ in range(_MOST_VARIANTS):
        renderer = _Variant(tree, taken)
        renderer.render()
        length += len(renderer.text.text())
        if length > _MOST_TEXT and renderer.taken:
            raise ValueError(f"{length} characters")
        yield renderer.text, renderer.unknown
        taken = renderer.taken
        while taken and taken[-1]:
            taken.pop()
        if not taken:
            return
        taken[-1] = True
    # Which statements the other combinations would make cannot be told: any test can be of their verb or table.
    yield SqlText(), {test.lineno for test in tree.find_all((nodes.If, nodes.CondExpr))}


class _Variant:
    """One way through a template. ``taken``: how its tests go, in order; those that come new do not hold."""

    def __init__(self, tree: nodes.Template, taken: list[bool]) -> None:
        self.text = SqlText()
        self.unknown: set[int] = set()
        self.taken: list[bool] = []
        self._given = taken
        self._tree = tree
        self._known: dict[object, bool] = {}
        self._values = Values(tree, self._decide)
        self._macros = {one.name: one for one in tree.find_all(nodes.Macro)}
        self._depth = 0

    def render(self) -> None:
        self._body(self._tree.body, {})

    def _decide(self, test: object) -> bool:
        if test not in self._known:
            count = len(self.taken)
            self._known[test] = self._given[count] if count < len(self._given) else False
            self.taken.append(self._known[test])
        return self._known[test]

    def _body(self, body: list[nodes.Node], scope: dict[str, Any]) -> None:
        for node in body:
            self._node(node, scope)

    def _node(self, node: nodes.Node, scope: dict[str, Any]) -> None:
        match node:
            case nodes.Output():
                self._output(node, scope)
            case nodes.If():
                self._if(node, scope)
            case nodes.For():
                self._for(node, scope)
            case nodes.Assign():
                self._assign(node, scope)
            case nodes.AssignBlock():
                self._assign_block(node, scope)
            case nodes.With():
                self._with(node, scope)
            case nodes.Block() | nodes.Scope() | nodes.ScopedEvalContextModifier():
                self._body(node.body, {**scope})
            case nodes.Include():
                self.text.add(HOLE, node.lineno)
            case _ if not isinstance(node, _SILENT):
                self._not_known(node)

    def _not_known(self, node: nodes.Node) -> None:
        self.text.add(HOLE, node.lineno)
        self.unknown.add(node.lineno)

    def _output(self, node: nodes.Output, scope: dict[str, Any]) -> None:
        for one in node.nodes:
            if isinstance(one, nodes.TemplateData):
                self.text.add(one.data, one.lineno)
            elif isinstance(one, nodes.Call) and isinstance(one.node, nodes.Name) and one.node.name in self._macros:
                self._macro(self._macros[one.node.name], one, scope)
            else:
                self.text.add(text_of(self._values.value(one, scope)), one.lineno)

    def _macro(self, macro: nodes.Macro, call: nodes.Call, scope: dict[str, Any]) -> None:
        if self._depth >= _DEEPEST_CALL or call.dyn_args or call.dyn_kwargs:
            self._not_known(call)
            return
        names = [argument.name for argument in macro.args]
        defaults = zip(reversed(names), reversed(macro.defaults), strict=False)
        given = {name: self._values.value(value, {}) for name, value in defaults}
        given |= {name: self._values.value(value, scope) for name, value in zip(names, call.args, strict=False)}
        given |= {one.key: self._values.value(one.value, scope) for one in call.kwargs}
        self._depth += 1
        self._body(macro.body, given)
        self._depth -= 1

    def _if(self, node: Any, scope: dict[str, Any]) -> None:
        if self._values.holds(node.test, scope, separators=_is_between([*node.body, *node.else_])):
            self._body(node.body, scope)
        elif node.elif_:
            first, *others = node.elif_
            self._if(nodes.If(first.test, first.body, others, node.else_, lineno=first.lineno), scope)
        else:
            self._body(node.else_, scope)

    def _for(self, node: Any, scope: dict[str, Any]) -> None:
        """Items that are not known are one that is not known."""
        items = self._values.value(node.iter, scope)
        if not isinstance(items, list) or len(items) > _MOST_ITEMS or node.test is not None:
            self._body(node.body, {**scope, **_bound(node.target, UNKNOWN), "loop": UNKNOWN})
            self._body(node.else_, scope)
            return
        for index, item in enumerate(items):
            left = len(items) - index
            loop = {"first": index == 0, "last": left == 1, "index": index + 1, "index0": index, "length": len(items)}
            loop |= {"revindex": left, "revindex0": left - 1}
            self._body(node.body, {**scope, **_bound(node.target, item), "loop": loop})
        if not items:
            self._body(node.else_, scope)

    def _assign(self, node: Any, scope: dict[str, Any]) -> None:
        if not isinstance(node.target, nodes.NSRef):
            scope.update(_bound(node.target, self._values.value(node.node, scope)))

    def _assign_block(self, node: Any, scope: dict[str, Any]) -> None:
        outer, self.text = self.text, SqlText()
        self._body(node.body, {**scope})
        found = UNKNOWN if node.filter else self.text.text()
        self.text = outer
        scope.update(_bound(node.target, found))

    def _with(self, node: Any, scope: dict[str, Any]) -> None:
        given = {**scope}
        for target, value in zip(node.targets, node.values, strict=True):
            given.update(_bound(target, self._values.value(value, scope)))
        self._body(node.body, given)


def _bound(target: nodes.Expr, value: Any) -> dict[str, Any]:
    """The names of ``a`` or ``a, b`` with their values."""
    if isinstance(target, nodes.Name):
        return {target.name: value}
    if isinstance(target, nodes.Tuple):
        parts = value if isinstance(value, list) and len(value) == len(target.items) else [UNKNOWN] * len(target.items)
        return {
            name: part
            for one, part in zip(target.items, parts, strict=True)
            for name, part in _bound(one, part).items()
        }
    return {}


def _is_between(body: list[nodes.Node]) -> bool:
    """Whether it holds nothing but what stands between the items of a loop."""
    found = [one for node in body for one in (node.nodes if isinstance(node, nodes.Output) else [node])]
    return all(isinstance(one, nodes.TemplateData) and is_separator(one.data) for one in found)
