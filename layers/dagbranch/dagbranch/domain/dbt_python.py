"""What a dbt model in Python reads: ``dbt.ref("orders")`` and ``dbt.source("shop", "orders")``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

from dagbranch.domain.dbt_sql import Reader
from dagbranch.domain.python_sql import read_python_sql
from dagbranch.domain.syntax import UNREADABLE, parsed
from dagbranch.domain.table_uses import Uses

# dbt's word for what is called ``spark`` everywhere else.
_SESSION: Final = re.compile(rb"\bsession\b")


def read_python_model(source: bytes, reader: Reader) -> Uses:
    """Beside dbt's own calls it may do what any Python of the repository may."""
    try:
        tree = parsed(source)
    except UNREADABLE:  # told already, where its configs were looked for
        return Uses()
    uses = read_python_sql(_SESSION.sub(b"spark", source))
    for name, call in _calls(tree):
        uses.add(reader.of_calls([_as_template(name, call)]))
    return uses


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="dbt"), attr="ref" | "source" as name)):
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
