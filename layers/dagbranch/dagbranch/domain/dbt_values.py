"""What an expression of a dbt project is worth, where its files alone say it with certainty.

A name that dagbranch hands over (``schema("db_shop")``) stands for itself: the environment adds its own part to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from jinja2 import nodes

from dagbranch.domain.dbt_templates import BrokenTemplateError, dotted, parse_template

_FILTERS: Final[Mapping[str, Callable[[str], str]]] = {"trim": str.strip, "lower": str.lower, "upper": str.upper}
_WITHOUT_EFFECT: Final = frozenset({"as_text", "as_native", "as_bool", "as_number", "string"})
_LONGEST: Final = 1_000


class NotKnownError(Exception):
    """The files do not say it."""


class MissingVariableError(NotKnownError):
    """Nobody gives the variable: a default holds."""


class EnvironmentName(str):
    """A schema's name to which the environment adds its own part: nothing can be joined to it and stay a name."""

    __slots__ = ()


def _nobody(name: str) -> object:
    raise NotKnownError(name)


@dataclass(frozen=True)
class Scope:
    """What names stand for; ``names`` by dotted name, such as ``target.schema``."""

    variables: Callable[[str], object] = _nobody
    environment: Callable[[str], object] = _nobody
    names: Mapping[str, object] = field(default_factory=dict)

    def having(self, names: Mapping[str, object]) -> Scope:
        return replace(self, names={**self.names, **names})

    def rendered(self, value: Any) -> Any:
        """A value of a YAML file, where text may be a template. Raises NotKnownError."""
        if not isinstance(value, str) or "{" not in value:
            return value
        try:
            template = parse_template(value.strip())
        except BrokenTemplateError as error:
            raise NotKnownError(value) from error
        parts = [part for output in template.body for part in _parts(output)]
        return self.value(parts[0]) if len(parts) == 1 else joined(map(self.value, parts))

    def value(self, node: nodes.Node) -> Any:
        """Raises NotKnownError."""
        match node:
            case nodes.Const(value=value) | nodes.TemplateData(data=value):
                return value
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._named(dotted(node))
            case nodes.List(items=items) | nodes.Tuple(items=items):
                return [self.value(item) for item in items]
            case nodes.Dict(items=pairs):
                return {str(self.value(pair.key)): self.value(pair.value) for pair in pairs}
            case nodes.Call():
                return self._called(node)
            case _:
                return self._text_of(node)

    def _text_of(self, node: nodes.Node) -> object:
        match node:
            case nodes.Filter(node=nodes.Node() as inner, name=name, args=[]):
                return _filtered(self.value(inner), name)
            case nodes.Concat(nodes=parts):
                return joined(map(self.value, parts))
            case nodes.Add(left=left, right=right):
                return joined([self._text(left), self._text(right)])
        return self._choice(node)

    def _choice(self, node: nodes.Node) -> object:
        match node:
            case nodes.Not(node=inner):
                return not self.value(inner)
            case nodes.And(left=left, right=right):
                return self._either(left, right, decisive=False)
            case nodes.Or(left=left, right=right):
                return self._either(left, right, decisive=True)
            case nodes.Compare(expr=left, ops=[nodes.Operand(op=operator, expr=right)]):
                return _compared(operator, self.value(left), self.value(right))
            case nodes.Test(node=inner, name="none"):
                return self.value(inner) is None
            case nodes.CondExpr(test=test, expr1=body, expr2=otherwise):
                return self._chosen(test, body, otherwise)
        raise NotKnownError(type(node).__name__)

    def _either(self, left: nodes.Node, right: nodes.Node, *, decisive: bool) -> object:
        try:
            first = self.value(left)
        except NotKnownError:
            # Either side decides a truth, whatever the other is.
            if bool(self.value(right)) is decisive and isinstance(self.value(right), bool):
                return decisive
            raise
        return first if bool(first) is decisive else self.value(right)

    def _chosen(self, test: nodes.Node, body: nodes.Node, otherwise: nodes.Node | None) -> object:
        if otherwise is None:
            raise NotKnownError("a choice without an else")
        return self.value(body if self.value(test) else otherwise)

    def _text(self, node: nodes.Node) -> str:
        value = self.value(node)
        if not isinstance(value, str):
            raise NotKnownError("a sum")
        return value

    def _named(self, name: str) -> object:
        if name in self.names:
            return self.names[name]
        raise NotKnownError(name)

    def _called(self, call: nodes.Call) -> object:
        name = dotted(call.node)
        if name == "return" and len(call.args) == 1:
            return self.value(call.args[0])
        if name not in {"var", "env_var"} or not call.args:
            raise NotKnownError(name)
        asked = self._text(call.args[0])
        if name == "env_var":  # its default holds where nobody sets it, and a server may
            return self.environment(asked)
        given = [*call.args[1:], *(keyword.value for keyword in call.kwargs if keyword.key == "default")]
        try:
            return self.variables(asked)
        except MissingVariableError:
            if not given:
                raise
            return self.value(given[0])


def _parts(output: nodes.Node) -> Iterable[nodes.Node]:
    if not isinstance(output, nodes.Output):
        raise NotKnownError("a statement")
    return output.nodes


def joined(values: Iterable[Any]) -> str:
    """Raises NotKnownError where the whole is no name that could be told."""
    told = [value for value in values if value not in {"", None} or isinstance(value, EnvironmentName)]
    if len(told) == 1 and isinstance(told[0], EnvironmentName):
        return told[0]
    if not all(isinstance(value, str | int | float) and not isinstance(value, EnvironmentName) for value in told):
        raise NotKnownError("what is joined to an environment's schema")
    text = "".join(map(str, told))
    if len(text) > _LONGEST:
        raise NotKnownError("a long text")
    return text


def _filtered(value: object, name: str) -> object:
    if name in _WITHOUT_EFFECT:
        return value
    if name not in _FILTERS or not isinstance(value, str):
        raise NotKnownError(name)
    return value if isinstance(value, EnvironmentName) else _FILTERS[name](value)


def _compared(operator: str, left: object, right: object) -> bool:
    operands = [left, *(right if isinstance(right, list) else [right])]
    if None not in operands and any(isinstance(operand, EnvironmentName) for operand in operands):
        raise NotKnownError("what an environment's schema is compared with")
    match operator, right:
        case "eq", _:
            return left == right
        case "ne", _:
            return left != right
        case (("in" | "notin"), list()):
            return (left in right) is (operator == "in")
    raise NotKnownError(operator)
