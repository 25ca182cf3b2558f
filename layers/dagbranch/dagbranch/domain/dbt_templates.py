"""The syntax trees of dbt's templates, its own block tags among them. They are parsed; none is ever rendered."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Final

from jinja2 import Environment, TemplateSyntaxError, nodes

_LARGEST: Final = 300_000
_DEEPEST: Final = 100
# Never given anything to render: it has the syntax only.
_SYNTAX: Final = Environment(extensions=["jinja2.ext.do"], autoescape=True)
# dbt's own blocks, as the macros that they are to the parser: {% snapshot orders_history %} … {% endsnapshot %}.
_OWN_BLOCK: Final = re.compile(
    r"(\{%[-+]?\s*)(snapshot|materialization|data_test|test)\s+(\w+)([^%]{0,1000}?)(?=[-+]?%\})"
)
_END_OF_OWN_BLOCK: Final = re.compile(r"(\{%[-+]?\s*)end(?:snapshot|materialization|data_test|test)\b")


class BrokenTemplateError(Exception):
    """No template that Jinja takes; ``line`` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is no template")
        self.line = line


def parse_template(text: str) -> nodes.Template:
    """Raises BrokenTemplateError."""
    if len(text) > _LARGEST:
        raise BrokenTemplateError(1)
    as_macros = _END_OF_OWN_BLOCK.sub(r"\1endmacro", _OWN_BLOCK.sub(_as_macro, text))
    try:
        with warnings.catch_warnings():  # of backslashes in its strings
            warnings.simplefilter("ignore")
            tree = _SYNTAX.parse(as_macros)
    except TemplateSyntaxError as error:
        raise BrokenTemplateError(error.lineno) from error
    except (RecursionError, ValueError, OverflowError, MemoryError) as error:
        raise BrokenTemplateError(1) from error
    _check_depth(tree)
    return tree


def _check_depth(tree: nodes.Template) -> None:
    """The parser makes ``a.b.c…`` of any depth without going deeper itself; whoever walks it would."""
    waiting: list[tuple[nodes.Node, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _DEEPEST:
            raise BrokenTemplateError(node.lineno)
        waiting.extend((child, depth + 1) for child in node.iter_child_nodes())


def _as_macro(found: re.Match[str]) -> str:
    opening, kind, name, rest = found.groups()
    arguments = rest if kind.endswith("test") else "()" + "\n" * rest.count("\n")
    return f"{opening}macro {name if kind == 'snapshot' else f'{kind}_{name}'}{arguments} "


def dotted(node: nodes.Node) -> str:
    """``target.schema``, also where it is written ``target["schema"]``; empty for anything else."""
    match node:
        case nodes.Name(name=name):
            return str(name)
        case nodes.Getattr(node=inner, attr=name) | nodes.Getitem(node=inner, arg=nodes.Const(value=str(name))):
            outer = dotted(inner)
            return f"{outer}.{name}" if outer else ""
    return ""


def calls(node: nodes.Node) -> Iterator[tuple[str, nodes.Call]]:
    """Every call in it, by the dotted name of what is called: empty where that has none."""
    own = [node] if isinstance(node, nodes.Call) else []
    for call in [*own, *node.find_all(nodes.Call)]:
        yield dotted(call.node), call
