"""The macros by which a dbt project names its relations: dbt's own, and a project's where its outcome is certain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Final

from jinja2 import nodes

from dagbranch.domain.dbt_templates import dotted, parse_template
from dagbranch.domain.dbt_values import NotKnownError, Scope, joined

# As dbt-core 1.10 has them in macros/get_custom_name.
_OWN: Final = """
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%}
        {{ target.schema }}
    {%- else -%}
        {{ target.schema }}_{{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}
{% macro generate_schema_name_for_env(custom_schema_name, node) -%}
    {%- if target.name == 'prod' and custom_schema_name is not none -%}
        {{ custom_schema_name | trim }}
    {%- else -%}
        {{ target.schema }}
    {%- endif -%}
{%- endmacro %}
{% macro generate_database_name(custom_database_name, node) -%}
    {%- if custom_database_name is none -%}
        {{ target.database }}
    {%- else -%}
        {{ custom_database_name }}
    {%- endif -%}
{%- endmacro %}
{% macro generate_alias_name(custom_alias_name, node) -%}
    {%- if custom_alias_name -%}
        {{ custom_alias_name | trim }}
    {%- elif node.version -%}
        {{ node.name }}_v{{ node.version }}
    {%- else -%}
        {{ node.name }}
    {%- endif -%}
{%- endmacro %}
"""

_MOST_NODES: Final = 2_000

type _Macros = Mapping[str, Sequence[nodes.Macro]]


@cache
def own_macros() -> dict[str, nodes.Macro]:
    return {macro.name: macro for macro in parse_template(_OWN).find_all(nodes.Macro)}


class _ReturnedError(Exception):
    """Not an error but ``return(…)``, which ends a macro with a value."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def outcome(name: str, given: Sequence[object], scope: Scope, project: _Macros, *, is_inner: bool = False) -> object:
    """What ``name`` gives for these values. Raises NotKnownError.

    ``project``: its own macros by name; one that calls another of them is not followed. Nothing is rendered:
    conditions, assignments and values are followed, no loop.
    """
    macro = _macro(name, project)
    if macro is None or (is_inner and name in project) or _is_long(macro):
        raise NotKnownError(name)
    names = [str(argument.name) for argument in macro.args]
    values: dict[str, object] = dict.fromkeys(names)
    follower = _Follower(scope.having(values | dict(zip(names, given, strict=False))), project)
    try:
        value = joined(part for part in follower.parts(macro.body) if not _is_blank(part))
    except _ReturnedError as returned:
        return returned.value
    return value.strip() if type(value) is str else value


def _macro(name: str, project: _Macros) -> nodes.Macro | None:
    """The project's own before dbt's; one that it has for an adapter, or twice, is not certain."""
    plain = name.removeprefix("dbt.").removeprefix("default__")
    dispatched = [other for other in project if other.endswith(f"__{plain}")]
    found = project.get(plain, ()) if plain == name else ()
    if dispatched or len(found) > 1:
        return None
    return found[0] if found else own_macros().get(plain)


def _is_long(macro: nodes.Macro) -> bool:
    return len(list(islice(macro.find_all(nodes.Node), _MOST_NODES + 1))) > _MOST_NODES


class _Follower:
    def __init__(self, scope: Scope, project: _Macros) -> None:
        self._scope = scope
        self._project = project

    def parts(self, body: Sequence[nodes.Node]) -> Iterator[object]:
        for node in body:
            match node:
                case nodes.Output(nodes=outputs):
                    yield from map(self._value, outputs)
                case nodes.Assign(target=nodes.Name(name=name), node=value):
                    self._scope = self._scope.having({name: self._value(value)})
                case nodes.ExprStmt(node=value):
                    self._value(value)
                case nodes.If():
                    yield from self._chosen(node)
                case _:
                    raise NotKnownError(type(node).__name__)

    def _value(self, node: nodes.Node) -> object:
        if not isinstance(node, nodes.Call):
            return self._scope.value(node)
        name = dotted(node.node)
        if name == "return" and node.args:
            raise _ReturnedError(self._value(node.args[0]))
        if name in {"var", "env_var"}:
            return self._scope.value(node)
        given = [self._scope.value(argument) for argument in node.args]
        return outcome(name, given, self._scope, self._project, is_inner=True)

    def _chosen(self, node: nodes.If) -> list[object]:
        branches = [(node.test, node.body), *((other.test, other.body) for other in node.elif_)]
        for test, body in branches:
            try:
                holds = self._scope.value(test)
            except NotKnownError:
                return self._whatever([*(body for _, body in branches), node.else_])
            if holds:
                return list(self.parts(body))
        return list(self.parts(node.else_))

    def _whatever(self, bodies: Sequence[Sequence[nodes.Node]]) -> list[object]:
        """What each way gives, where that is the same: dbt may go any of them."""
        scope, outcomes = self._scope, []
        for body in bodies:
            self._scope = scope
            try:
                parts = [part for part in self.parts(body) if not _is_blank(part)]
            except _ReturnedError as returned:
                raise NotKnownError("a return under a condition that is not known") from returned
            if self._scope is not scope:
                raise NotKnownError("an assignment under a condition that is not known")
            outcomes.append(parts)
        if any(parts != outcomes[0] for parts in outcomes):
            raise NotKnownError("a condition that is not known")
        return outcomes[0]


def _is_blank(part: object) -> bool:
    return type(part) is str and not part.strip()
