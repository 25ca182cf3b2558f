"""Reads a Python file of a repository: its imports, the paths and texts in it, its DAGs and those that it refers to."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from dagbranch.domain.file_access import note_access, note_search_path
from dagbranch.domain.path_expressions import ANYTHING, PathReader, is_placed, is_telling
from dagbranch.domain.reading import LONGEST_NAME, Import, Reading, unreadable
from dagbranch.domain.syntax import UNREADABLE, called, first_argument, given_dag_ids, listed, nodes_by_kind, parsed

_REFERENCES: Final = frozenset({"trigger_dag_id", "external_dag_id"})
_BUILDS: Final = frozenset({"join", "joinpath", "with_name", "with_suffix", "format", "Path", "PurePath"})
_GROUPS: Final = {
    "imports": (ast.Import, ast.ImportFrom),
    "bound": (ast.Name, ast.arg),
    "assignments": (ast.Assign, ast.AnnAssign, ast.AugAssign),
    "expressions": (ast.Expr,),
    "definitions": (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    "mappings": (ast.Dict,),
    "built": (ast.Call, ast.JoinedStr, ast.BinOp),
    "texts": (ast.Constant,),
}


def read_python(source: bytes) -> Reading:
    """What is no Python that this version reads may mean anything."""
    try:
        return _Reader(parsed(source)).read()
    except UNREADABLE:
        return unreadable()


class _Reader:
    """One walk over a module's tree."""

    def __init__(self, tree: ast.Module) -> None:
        self._nodes: dict[str, list[Any]] = nodes_by_kind(tree, _GROUPS)
        self._reading = Reading()
        # Nodes that are part of something that was read as a whole, by identity.
        self._done: set[int] = set()
        self._paths = PathReader(self._constants(), self._aliases())

    def read(self) -> Reading:
        """What is larger is read before what it is made of."""
        nodes = self._nodes
        self._done.update(id(one.value) for one in nodes["expressions"] if isinstance(one.value, ast.Constant))
        for node in nodes["assignments"]:
            if not isinstance(node, ast.AnnAssign):
                note_search_path(node, self._paths, self._reading)
        for node in nodes["definitions"]:
            self._definition(node)
        for node in nodes["mappings"]:
            self._mapping(node)
        for node in nodes["built"]:
            self._call(node) if isinstance(node, ast.Call) else self._built(node)
        for node in nodes["texts"]:
            if node.value.__class__ is str and id(node) not in self._done:
                self._reading.note_text(node.value)
        return self._reading

    def _constants(self) -> dict[str, ast.expr]:
        """The names that are bound once in the whole module, by an assignment."""
        bound: Counter[str] = Counter()
        for node in self._nodes["bound"]:
            if isinstance(node, ast.arg):
                bound[node.arg] += 1
            elif node.ctx.__class__ is not ast.Load:
                bound[node.id] += 1
        values: dict[str, ast.expr] = {}
        for node in self._nodes["assignments"]:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and node.value is not None and not isinstance(node, ast.AugAssign):
                values[target.id] = node.value
        return {name: value for name, value in values.items() if bound[name] == 1}

    def _aliases(self) -> dict[str, str]:
        aliases: dict[str, str] = {}
        for node in self._nodes["imports"]:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._reading.imports.add(Import(0, alias.name))
                    first = alias.name.partition(".")[0]
                    aliases[alias.asname or first] = alias.name if alias.asname else first
            else:
                names = tuple(sorted(alias.name for alias in node.names))
                self._reading.imports.add(Import(node.level, node.module or "", names))
                above = "." * node.level + (f"{node.module}." if node.module else "")
                aliases |= {alias.asname or alias.name: f"{above}{alias.name}" for alias in node.names}
        return aliases

    def _call(self, call: ast.Call) -> None:
        name = called(call.func)
        if not self._reading.may_make_dags:
            self._reading.may_make_dags = _is_of_dags(name)
        for keyword in call.keywords:
            if keyword.arg in _REFERENCES:
                self._refer(keyword.value)
        for given in given_dag_ids(call):
            found = self._paths.pattern(given)
            self._reading.dag_ids.update([found] if ANYTHING not in found else [])
            self._done.add(id(given))
        if name == "artifact":
            found = self._paths.pattern(first_argument(call))
            self._reading.artifacts.add(found if found.isidentifier() else ANYTHING)
        elif name in _BUILDS:
            self._built(call)
        else:
            note_access(call, name, self._paths, self._reading)

    def _built(self, node: ast.expr) -> None:
        """A text that is put together: the pattern of it, where it is a path or has enough of one."""
        if id(node) in self._done:
            return
        pattern = self._paths.pattern(node)
        is_whole = is_placed(pattern) or ANYTHING not in pattern
        if "://" in pattern:  # an address, whatever its end is called
            is_whole = True
        elif is_placed(pattern) or (not is_whole and is_telling(pattern)):
            self._reading.patterns.add(pattern)
        elif is_whole and len(pattern) <= LONGEST_NAME:
            self._reading.note_text(pattern)
        else:
            return
        self._done.update(id(part) for part in _parts(node) if is_whole or not isinstance(part, ast.Constant))

    def _mapping(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in _REFERENCES:
                self._refer(value)

    def _refer(self, value: ast.expr) -> None:
        for one in listed(value):
            found = self._paths.pattern(one)
            if ANYTHING not in found:
                self._reading.references.add(found)
                self._done.add(id(one))
            elif not (isinstance(one, ast.Constant) and one.value is None):
                self._reading.untold_references.add(one.lineno)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """A DAG that is given no id is called like its function."""
        bases = node.bases if isinstance(node, ast.ClassDef) else []
        names = [called(one.func if isinstance(one, ast.Call) else one) for one in [*bases, *node.decorator_list]]
        self._reading.may_make_dags |= any(map(_is_of_dags, names))
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
            if called(call.func) in {"dag", "asset"} and not given_dag_ids(call):
                self._reading.dag_ids.add(node.name)


def _is_of_dags(name: str) -> bool:
    return "dag" in name.lower() or "asset" in name.lower()


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """The expression and what of it makes up the text."""
    yield node
    inside: list[ast.expr] = []
    match node:
        case ast.BinOp(left=left, right=right):
            inside = [left, right]
        case ast.JoinedStr(values=values):
            inside = values
        case ast.FormattedValue(value=value) | ast.Attribute(value=value) | ast.Subscript(value=value):
            inside = [value]
        case ast.Call(func=function, args=arguments) if called(function) in _BUILDS:
            inside = [*([function.value] if isinstance(function, ast.Attribute) else []), *arguments]
    for one in inside:
        yield from _parts(one)
