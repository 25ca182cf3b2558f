"""What the body of a dbt model, snapshot, macro or hook reads and writes: its calls, and the SQL around them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from jinja2 import nodes

from dagbranch.domain.dbt_names import Relations
from dagbranch.domain.dbt_packages import KNOWN_PACKAGES
from dagbranch.domain.dbt_templates import BrokenTemplateError, calls, dotted, parse_template
from dagbranch.domain.dbt_values import NotKnownError, Scope
from dagbranch.domain.sql_reading import read_sql
from dagbranch.domain.sql_text import HOLE, SqlText
from dagbranch.domain.table_uses import Uses

# Stands for a table that is told elsewhere: by a call's own line, or by the model that it is.
_TOLD: Final = "dbt__told"
_SILENT: Final = frozenset({"config", "log", "print", "exceptions.warn", "exceptions.raise_compiler_error"})
# Macros of dbt itself that run what they are given, and methods that change relations.
_RUNS: Final = frozenset(
    {"run_query", "statement", "run_hooks", "create_schema", "drop_schema", "drop_relation", "truncate_relation"}
    | {"rename_relation", "create_table_as", "create_view_as", "drop_relation_if_exists", "create_or_replace_view"}
)
_ASKS: Final = frozenset(
    {"get_relation", "get_columns_in_relation", "get_missing_columns", "quote", "quote_as_configured"}
)
_READ_ARGUMENTS: Final = KNOWN_PACKAGES | {"dbt"}
# They hand out values: a table that is named by one is not known where it stands.
_VALUES: Final = frozenset({"api", "config", "exceptions", "flags", "graph", "loop", "model", "modules"}) | frozenset(
    {"target", "this"}
)
_QUERY_COMES: Final = re.compile(r"(?:^|\b(?:as|from|join|union|all|except|intersect|exists)\s*\()\s*\Z", re.IGNORECASE)
_TABLE_COMES: Final = re.compile(r"\b(?:from|join|using|into|table|update)\s+\Z", re.IGNORECASE)
_MOST_WAYS: Final = 8
_NO_TABLE: Final = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|\b(?:extract|trim|substring|overlay)\s*\([^()]*\bfrom\b", re.IGNORECASE | re.DOTALL
)
_NAMED: Final = re.compile(r"\b(?:from|join|using|into|update|table|overwrite)\s+([`\w.$]+)", re.IGNORECASE)
_COMMON: Final = re.compile(r"\b(\w+)\s+as\s*\(", re.IGNORECASE)
_CHANGES: Final = re.compile(
    r"\b(?:insert|merge|copy)\s+(?:into|overwrite)\b|\bupdate\s+\S+\s+set\b|\bdelete\s+from\b|\b(?:optimize|vacuum|call)\s"
    r"|\b(?:create|drop|alter|truncate|refresh|msck|analyze)\s+(?:or\s+replace\s+)?\w+\b|\b(?:grant|revoke)\s+\w+\s+on\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reader:
    """For one resource: ``this`` is its own table.

    ``told`` are the names that stand for relations which are told elsewhere: a macro's arguments, what ``ref()`` gave.
    """

    relations: Relations
    scope: Scope
    macros: Mapping[str, Sequence[nodes.Macro]]
    this: str | None = None
    told: frozenset[str] = frozenset()
    trusted: frozenset[str] = _READ_ARGUMENTS

    def of_model(self, body: Sequence[nodes.Node]) -> Uses:
        """The places of its calls, and the tables that its SQL names by itself."""
        reader = replace(self, told=self.told | _relations_by_name(body))
        uses = reader.of_calls(body)
        uses.add(reader.of_text(body))
        for block in _found(body, nodes.AssignBlock):
            if names_tables(reader.composed(block.body, 0).text()):
                uses.add(reader.of_text(block.body))
        uses.unknown.update(_lines_of_texts(body))
        return uses

    def of_text(self, body: Sequence[nodes.Node]) -> Uses:
        """Every way through its conditions is a text of its own."""
        uses = Uses()
        for text in self.texts(body):
            uses.add(read_sql(text, temporary={_TOLD}, follows_use=False))
        return uses

    def of_hook(self, text: str) -> Uses:
        """Lines count from 1 in the hook."""
        try:
            body = parse_template(text).body
        except BrokenTemplateError as error:
            return Uses(unknown={error.line})
        uses = replace(self, trusted=frozenset()).of_text(body)
        uses.unknown.update(self._lines_that_run(body))
        return uses

    def of_macro(self, macro: nodes.Macro) -> Uses:
        """What it reads by name. Its text is a part of others' SQL: one that names a table by itself is unknown."""
        arguments = {str(argument.name) for argument in macro.args} | {"caller", "varargs", "kwargs"}
        reader = replace(self, told=frozenset(arguments) | _relations_by_name(macro.body))
        uses = reader.of_calls(macro.body)
        uses.unknown.update(_lines_of_texts(macro.body))
        if any(names_tables(text.text()) for text in reader.texts(macro.body)):
            uses.unknown.add(macro.lineno)
        return uses

    def of_calls(self, body: Sequence[nodes.Node]) -> Uses:
        """``ref()`` and ``source()`` wherever they stand, and the calls that may do anything."""
        uses = Uses(unknown=self._lines_that_run(body))
        uses.unknown.update(node.lineno for node in _found(body, nodes.If) if _ways(node) > _MOST_WAYS)
        for node in body:
            for name, call in calls(node):
                if name.removeprefix("builtins.") in {"ref", "source"}:
                    self._note(name.removeprefix("builtins."), call, uses)
        return uses

    def texts(self, body: Sequence[nodes.Node]) -> Iterator[SqlText]:
        ways = max((_ways(node) for node in _found(body, nodes.If)), default=1)
        return (self.composed(body, way) for way in range(min(ways, _MOST_WAYS)))

    def _lines_that_run(self, body: Sequence[nodes.Node]) -> set[int]:
        own = {str(name.name) for name in _found(body, nodes.Name) if name.ctx in {"store", "param"}} | self.told
        return {call.lineno for node in body for name, call in calls(node) if self._is_unclear(name, own)} | {
            block.lineno for block in _found(body, nodes.CallBlock, nodes.Include, nodes.Import, nodes.FromImport)
        }

    def _note(self, name: str, call: nodes.Call, uses: Uses) -> None:
        try:
            table = self.relations.ref(call) if name == "ref" else self.relations.source(call)
        except NotKnownError:
            uses.unknown.add(call.lineno)
        else:
            if table is not None:
                uses.read[table].add(call.lineno)

    def _is_unclear(self, name: str, own: Collection[str]) -> bool:
        """Whether a call may read or write what cannot be told; the project's own macros are read by themselves."""
        first, _, rest = name.partition(".")
        if first == "adapter":
            return rest not in _ASKS
        if not rest:
            return first in _RUNS and first not in self.macros
        if first in self.trusted:
            return rest in _RUNS
        return first not in own and first not in _VALUES and first != self.relations.project

    def composed(self, body: Sequence[nodes.Node], way: int) -> SqlText:
        text, before = SqlText(), ""
        for node in _along(body, way):
            part = node.data if isinstance(node, nodes.TemplateData) else self._in_sql(node, before)
            text.add(part, node.lineno)
            before = (before + part)[-200:]
        return text

    def _in_sql(self, node: nodes.Node, before: str) -> str:
        name = dotted(node.node) if isinstance(node, nodes.Call) else ""
        if name in _SILENT:
            return ""
        if name in {"ref", "source"}:
            return self._of_call(name, node)
        if dotted(node) == "this":
            return _quoted(self.this)
        if isinstance(node, nodes.Name) and node.name in self.told:
            return _TOLD if _TABLE_COMES.search(before) else HOLE
        try:
            value = self.scope.value(node)
        except NotKnownError:
            return self._of_macro_call(name, before)
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else HOLE

    def _of_call(self, name: str, call: nodes.Node) -> str:
        assert isinstance(call, nodes.Call)
        try:
            return _quoted(self.relations.ref(call) if name == "ref" else self.relations.source(call))
        except NotKnownError:
            return HOLE

    def _of_macro_call(self, name: str, before: str) -> str:
        """A query or a table that a macro puts there is told where the macro is, or by its arguments."""
        first, _, rest = name.partition(".")
        told = first in {*self.trusted, self.relations.project} if rest else name in self.macros
        if told and _QUERY_COMES.search(before):
            return "SELECT 1"
        return _TOLD if told and _TABLE_COMES.search(before) else HOLE


def names_tables(text: str) -> bool:
    """Whether a part of SQL may name a table by itself, or change one."""
    plain = _NO_TABLE.sub(" ", text)
    if _CHANGES.search(plain):
        return True
    common = {name.lower() for name in _COMMON.findall(plain)} | {_TOLD}
    named = (name.lower() for name in _NAMED.findall(plain))
    return any(name not in common and not (name.startswith("`") and "." in name) for name in named)


def _along(body: Sequence[nodes.Node], way: int) -> Iterator[nodes.Node]:
    """The text and the expressions of one way: of each condition one branch, of each loop one round."""
    for node in body:
        match node:
            case nodes.Output(nodes=parts):
                yield from parts
            case nodes.If():
                yield from _along(_branch(node, way), way)
            case nodes.For(body=inner) | nodes.With(body=inner) | nodes.Scope(body=inner):
                yield from _along(inner, way)


def _branches(node: nodes.If) -> list[list[nodes.Node]]:
    return [node.body, *(other.body for other in node.elif_), node.else_]


def _branch(node: nodes.If, way: int) -> list[nodes.Node]:
    if any(name.name == "loop" for name in node.test.find_all(nodes.Name)):
        return node.else_  # the one round is the last: what stands between rounds is left out
    branches = _branches(node)
    return branches[min(way, len(branches) - 1)]


def _ways(node: nodes.Node) -> int:
    return len(_branches(node)) if isinstance(node, nodes.If) else 1


def _found[Kind: nodes.Node](body: Sequence[nodes.Node], *kinds: type[Kind]) -> Iterator[Kind]:
    for node in body:
        if isinstance(node, kinds):
            yield node
        yield from node.find_all(kinds)


def _relations_by_name(body: Sequence[nodes.Node]) -> frozenset[str]:
    """Names that stand for what ``ref()`` and ``source()`` give, and for nothing else."""
    told: set[str] = set()
    other: set[str] = set()
    for node in _found(body, nodes.Assign, nodes.For):
        match node:
            case (
                nodes.Assign(target=nodes.Name(name=name), node=value)
                | nodes.For(target=nodes.Name(name=name), iter=value)
            ):
                (told if _is_relation(value, told) else other).add(name)
    return frozenset(told - other)


def _is_relation(value: nodes.Node, told: Collection[str]) -> bool:
    match value:
        case nodes.Call():
            return dotted(value.node) in {"ref", "source"}
        case nodes.Name(name=name):
            return name in told
        case nodes.List(items=items) | nodes.Tuple(items=items):
            return bool(items) and all(_is_relation(item, told) for item in items)
    return False


def _lines_of_texts(body: Sequence[nodes.Node]) -> set[int]:
    """Where text that names a table is kept for later: what is done with it is not followed."""
    return {
        text.lineno
        for node in _found(body, nodes.Assign, nodes.ExprStmt)
        for text in node.find_all(nodes.Const)
        if isinstance(text.value, str) and names_tables(text.value)
    }


def _quoted(table: str | None) -> str:
    return _TOLD if table is None else ".".join(f"`{part}`" for part in table.split("."))
