"""What a dbt model in Python reads: ``dbt.ref("orders")`` and ``dbt.source("shop", "orders")``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

from dagbranch.domain.dbt_sql import Reader
from dagbranch.domain.syntax import UNREADABLE, parsed
from dagbranch.domain.table_uses import Uses

# What of a session reads or writes by a name of its own.
_BY_NAME: Final = frozenset(
    {"sql", "table", "saveAsTable", "insertInto", "save", "writeTo", "forName", "execute", "write_table", "load"}
)


def read_python_model(source: bytes, reader: Reader) -> Uses:
    uses = Uses()
    try:
        tree = parsed(source)
    except UNREADABLE:  # told already, where its configs were looked for
        return uses
    for name, call in _calls(tree):
        if name in {"ref", "source"}:
            uses.add(reader.of_calls([_as_template(name, call)]))
        elif name in _BY_NAME:
            uses.unknown.add(call.lineno)
    return uses


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Of dbt's object by what it is called for; of others only what may name a table."""
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="dbt"), attr=name)):
                yield name, call
            case ast.Call(func=ast.Attribute(attr=name)) if name in _BY_NAME:
                yield name, call


def _as_template(name: str, call: ast.Call) -> nodes.Call:
    """The same call, as a model in SQL has it."""
    line = call.lineno
    return nodes.Call(
        nodes.Name(name, "load", lineno=line),
        [_argument(argument, line) for argument in call.args],
        [nodes.Keyword(word.arg or "", _argument(word.value, line), lineno=line) for word in call.keywords],
        None,
        None,
        lineno=line,
    )


def _argument(node: ast.expr, line: int) -> nodes.Expr:
    if isinstance(node, ast.Constant):
        return nodes.Const(node.value, lineno=line)
    return nodes.Name("", "load", lineno=line)
