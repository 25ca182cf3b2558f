"""The texts that a Python expression can be, with a hole for each part that only running it would tell."""

from __future__ import annotations

import ast
import itertools
import re
import string
from collections.abc import Iterator, Mapping
from typing import Final

from dagbranch.domain.python_names import Module
from dagbranch.domain.sql_text import HOLE, SqlText, schema_call
from dagbranch.domain.syntax import called

Pieces = list[tuple[str, int]]
Chosen = Mapping[str, ast.expr]
_MOST_CHOICES: Final = 64
_DEEPEST: Final = 40
_LONGEST: Final = 1_000_000
_PERCENT: Final = re.compile(r"%(?:\((\w+)\))?[-#0 +]*\d*(?:\.\d+)?([a-zA-Z])|%%")
# What the database's own client fills in: %s and %(name)s. The percent sign may have been doubled.
_PARAMETER: Final = re.compile(r"%{1,2}(?:\(\w+\))?s\b")
_SAME_TEXT: Final = frozenset({"strip", "lstrip", "rstrip", "dedent", "cleandoc", "text", "str", "literal"})
_ENVIRONMENT: Final = "dagbranch_env"


class Texts:
    """Reads the expressions of one module."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def of(self, node: ast.expr) -> list[SqlText | None]:
        """One for each value that it can have; None for a value that is no text that is known at all."""
        found: list[SqlText | None] = []
        for one in self._alternatives(node, 0):
            for chosen in self._choices(one):
                pieces = self._pieces(one, chosen, 0)
                found.append(None if pieces is None else _joined(pieces))
        return found

    def _alternatives(self, node: ast.expr, depth: int) -> Iterator[ast.expr]:
        """The elements of lists, the branches of conditions, the values of names."""
        inside: list[ast.expr] = []
        match node:
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                inside = elements
            case ast.IfExp(body=body, orelse=orelse):
                inside = [body, orelse]
            case ast.BoolOp(op=ast.Or(), values=values):
                inside = values
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                inside = [element]
            case ast.Name(id=name):
                inside = self._module.scopes[id(node)].values(name)
            case ast.Constant(value=None):
                return
        if depth > _DEEPEST or not (inside or isinstance(node, ast.List | ast.Tuple | ast.Set)):
            yield node
        for one in inside if depth <= _DEEPEST else ():
            yield from self._alternatives(one, depth + 1)

    def _choices(self, node: ast.expr) -> Iterator[Chosen]:
        """Each combination of the values of the names in it that can have several."""
        names: dict[str, list[ast.expr]] = {}
        for one in ast.walk(node):
            if isinstance(one, ast.Name) and len(values := self._module.scopes[id(one)].values(one.id)) > 1:
                names[one.id] = values
        count = 1
        for values in names.values():
            count *= len(values)
        if count > _MOST_CHOICES:
            names = {}
        for combination in itertools.product(*names.values()):
            yield dict(zip(names, combination, strict=True))

    def _pieces(self, node: ast.expr, chosen: Chosen, depth: int) -> Pieces | None:
        match node:
            case _ if depth > _DEEPEST:
                pass
            case ast.Constant(value=str() | int() as value) if not isinstance(value, bool):
                return [(str(value), node.lineno)]
            case ast.JoinedStr(values=values):
                return [piece for value in values for piece in self._part(value, chosen, depth)]
            case ast.Name(id=name):
                given = self._value(node, name, chosen)
                return None if given is None else self._pieces(given, chosen, depth + 1)
            case ast.BinOp():
                return self._operation(node, chosen, depth)
            case ast.Call():
                return self._call(node, chosen, depth)
        return None

    def _operation(self, node: ast.BinOp, chosen: Chosen, depth: int) -> Pieces | None:
        if isinstance(node.op, ast.Add):
            return self._sum(node.left, node.right, chosen, depth)
        return self._percent(node.left, node.right, chosen, depth) if isinstance(node.op, ast.Mod) else None

    def _value(self, node: ast.expr, name: str, chosen: Chosen) -> ast.expr | None:
        if name in chosen:
            return chosen[name]
        values = self._module.scopes[id(node)].values(name) if id(node) in self._module.scopes else []
        return values[0] if len(values) == 1 else None

    def _part(self, node: ast.expr, chosen: Chosen, depth: int) -> Pieces:
        """A hole where it is not known; what is formatted otherwise than as it is, is not known."""
        if isinstance(node, ast.FormattedValue):
            if node.format_spec is not None or node.conversion not in {-1, ord("s")}:
                return [(HOLE, node.lineno)]
            node = node.value
        found = self._pieces(node, chosen, depth + 1)
        if found is None:
            return [(HOLE, node.lineno)]
        return [(text, node.lineno) for text, _ in found] if isinstance(node, ast.Name) else found

    def _sum(self, left: ast.expr, right: ast.expr, chosen: Chosen, depth: int) -> Pieces | None:
        """A long sum is deep on its left: it is taken apart without recursion."""
        parts = [right]
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            parts.append(left.right)
            left = left.left
        parts.append(left)
        found = [piece for part in reversed(parts) for piece in self._part(part, chosen, depth)]
        return None if all(text == HOLE for text, _ in found) else found

    def _percent(self, left: ast.expr, right: ast.expr, chosen: Chosen, depth: int) -> Pieces | None:
        template = self._pieces(left, chosen, depth + 1)
        if template is None:
            return None
        values = iter(right.elts if isinstance(right, ast.Tuple) else [right])
        by_name = _named(right)

        def given(match: re.Match[str]) -> Pieces:
            if match[2] is None:
                return [("%%", 0)]
            value = by_name.get(match[1]) if match[1] else next(values, None)
            return [(HOLE, 0)] if value is None or match[2] != "s" else self._part(value, chosen, depth)

        return list(_filled(template, _PERCENT, given))

    def _call(self, call: ast.Call, chosen: Chosen, depth: int) -> Pieces | None:
        name = called(call.func)
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        if self._is_schema(call) and call.args:
            found = self._pieces(call.args[0], chosen, depth + 1)
            known = "" if found is None else "".join(text for text, _ in found)
            return [(schema_call(known), call.lineno)]
        if name == "format" and base is not None:
            return self._format(base, call, chosen, depth)
        if name == "join" and base is not None and len(call.args) == 1:
            return self._join(base, call.args[0], chosen, depth)
        if name not in _SAME_TEXT:
            return None
        same = call.args[0] if call.args and not isinstance(base, ast.Constant) else base
        return None if same is None else self._pieces(same, chosen, depth + 1)

    def _is_schema(self, call: ast.Call) -> bool:
        """Whether it is dagbranch's own function, by the import of it."""
        imports = self._module.imports
        match call.func:
            case ast.Name(id=name):
                return imports.get(name) == f"{_ENVIRONMENT}.schema"
            case ast.Attribute(value=ast.Name(id=name), attr="schema"):
                return imports.get(name) == _ENVIRONMENT
        return False

    def _format(self, base: ast.expr, call: ast.Call, chosen: Chosen, depth: int) -> Pieces | None:
        template = self._pieces(base, chosen, depth + 1)
        if template is None:
            return None
        by_name = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        found: Pieces = []
        count = itertools.count()
        for text, line in template:
            try:
                fields = list(string.Formatter().parse(text))
            except ValueError:
                return None
            for literal, field, spec, conversion in fields:
                found.append((literal, line))
                line += literal.count("\n")  # noqa: PLW2901 - where the next literal begins
                if field is None:
                    continue
                index = int(field) if field.isdecimal() else next(count) if field == "" else -1
                value = by_name.get(field, call.args[index] if 0 <= index < len(call.args) else None)
                plain = value is not None and not spec and not conversion
                found += self._part(value, chosen, depth) if plain and value is not None else [(HOLE, line)]
        return found

    def _join(self, base: ast.expr, items: ast.expr, chosen: Chosen, depth: int) -> Pieces | None:
        between = self._pieces(base, chosen, depth + 1)
        if between is None or not isinstance(items, ast.List | ast.Tuple):
            return None
        found: Pieces = []
        for index, item in enumerate(items.elts):
            found += [*(between if index else []), *self._part(item, chosen, depth)]
        return found


def _named(node: ast.expr) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(node.keys, node.values, strict=True)
    return {key.value: value for key, value in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def _filled(template: Pieces, places: re.Pattern[str], given: object) -> Iterator[tuple[str, int]]:
    for text, line in template:
        end, here = 0, line
        for match in places.finditer(text):
            literal = text[end : match.start()]
            yield literal, here
            here += literal.count("\n")
            yield from ((found, at or here) for found, at in given(match))  # type: ignore[operator] # see _percent
            end = match.end()
        yield text[end:], here


def _joined(pieces: Pieces) -> SqlText | None:
    if sum(len(text) for text, _ in pieces) > _LONGEST:
        return None
    found = SqlText()
    for text, line in _parameters_filled(pieces):
        found.add(text, line)
    return found


def _parameters_filled(pieces: Pieces) -> Iterator[tuple[str, int]]:
    """With holes for what the database's client fills in; pieces of one line are looked at as one."""
    merged: Pieces = []
    for text, line in pieces:
        if merged and merged[-1][1] == line and "\n" not in merged[-1][0]:
            merged[-1] = (merged[-1][0] + text, line)
        else:
            merged.append((text, line))
    for text, line in merged:
        yield _PARAMETER.sub(HOLE, text), line
