"""What dbt calls the tables of a project: models, seeds and snapshots by their configs, sources by their files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from jinja2 import nodes

from dagbranch.domain.dbt_files import Properties
from dagbranch.domain.dbt_macros import outcome
from dagbranch.domain.dbt_profile import OWN_DATABASE
from dagbranch.domain.dbt_values import NotKnownError, Scope

_ALIASES: Final = {"catalog": "database", "project": "database", "dataset": "schema", "pre_hook": "pre-hook"} | {
    "post_hook": "post-hook"
}
# In the configs of a call whose arguments cannot be told: any of them may stand there.
ANYTHING: Final = "**"
_PART: Final = re.compile(r"[^.`\s'\"{}\\/]{1,255}")

type Layer = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Resource:
    """A model, seed or snapshot. ``layers``: its configs from far to near; values of YAML, or Jinja's nodes.

    ``body`` are the nodes of its SQL; a Python model's reads are in ``path``.
    """

    kind: Literal["models", "seeds", "snapshots"]
    name: str
    path: str
    line: int
    layers: tuple[Layer, ...]
    version: str = ""
    body: tuple[nodes.Node, ...] = ()

    def config(self, key: str, scope: Scope, otherwise: Any = None) -> Any:
        """The nearest value. Raises NotKnownError."""
        for layer in reversed(self.layers):
            for name in (name for name in layer if _ALIASES.get(name, name) in {key, ANYTHING}):
                if name == ANYTHING:
                    raise NotKnownError(key)
                return _worth(layer[name], scope)
        return otherwise

    def all_of(self, key: str) -> list[Any]:
        """The values of every layer, as hooks add up."""
        return [layer[name] for layer in self.layers for name in layer if _ALIASES.get(name, name) == key]


def _worth(value: Any, scope: Scope) -> Any:
    return scope.value(value) if isinstance(value, nodes.Node) else scope.rendered(value)


def is_enabled(resource: Resource, scope: Scope) -> bool:
    """Raises NotKnownError."""
    enabled = resource.config("enabled", scope, otherwise=True)
    if isinstance(enabled, str) and enabled.lower() in {"true", "false"}:
        return enabled.lower() == "true"
    return bool(enabled)


def is_ephemeral(resource: Resource, scope: Scope) -> bool:
    """Raises NotKnownError."""
    for layer in reversed(resource.layers):
        chosen = layer.get("materialized")
        if isinstance(chosen, nodes.CondExpr) and chosen.expr2 is not None:
            # One idiom: incremental in production, a table elsewhere.
            ways = [scope.value(way) == "ephemeral" for way in (chosen.expr1, chosen.expr2)]
            if ways[0] == ways[1]:
                return bool(ways[0])
        if "materialized" in layer:
            break
    return resource.kind == "models" and bool(resource.config("materialized", scope) == "ephemeral")


def relation_of(resource: Resource, scope: Scope, macros: Mapping[str, Sequence[nodes.Macro]]) -> str:
    """``schema.alias``, or ``database.schema.alias`` where a config names the database. Raises NotKnownError."""
    own = {"name": resource.name, "version": resource.version, "resource_type": resource.kind[:-1]}
    inside = scope.having({f"node.{key}": value for key, value in own.items()})
    node = object()

    def generated(part: str, key: str) -> object:
        custom = resource.config(key, scope)
        return outcome(f"generate_{part}_name", [custom, node], inside, macros)

    alias = generated("alias", "alias")
    database, schema = _target_of_snapshot(resource, scope)
    return table_name(
        database or generated("database", "database"),
        schema or generated("schema", "schema"),
        alias,
    )


def _target_of_snapshot(resource: Resource, scope: Scope) -> tuple[object, object]:
    if resource.kind != "snapshots":
        return None, None
    return resource.config("target_database", scope), resource.config("target_schema", scope)


def table_name(database: object, schema: object, table: object) -> str:
    """Raises NotKnownError where a part is no plain name."""
    own = database is None or database is OWN_DATABASE
    parts = [schema, table] if own else [database, schema, table]
    for part in parts:
        if not (isinstance(part, str) and _PART.fullmatch(part)):
            raise NotKnownError(str(part))
    return ".".join(map(str, parts)).lower()


class Relations:
    """What ``ref()`` and ``source()`` stand for. ``found`` has no disabled resource."""

    def __init__(self, project: str, found: Sequence[Resource], properties: Properties, scope: Scope) -> None:
        self.project = project
        self._found: dict[tuple[str, str], Resource] = {}
        self._properties = properties
        self._scope = scope
        self.names: dict[Resource, str] = {}
        self._versions: defaultdict[str, list[str]] = defaultdict(list)
        for resource in found:
            self._found[resource.name, resource.version] = resource
            self._versions[resource.name].append(resource.version)

    def ref(self, call: nodes.Call) -> str | None:
        """The table, or None for one of the project that has none, or none that is known. Raises NotKnownError."""
        given = [self._scope.value(argument) for argument in call.args]
        versions = [self._scope.value(word.value) for word in call.kwargs if word.key in {"v", "version"}]
        if call.dyn_args or call.dyn_kwargs or not 1 <= len(given) <= 2 or len(versions) < len(call.kwargs):
            raise NotKnownError("ref")
        if len(given) == 2 and given[0] != self.project:
            raise NotKnownError(str(given[0]))
        return self.named(str(given[-1]), *map(str, versions))

    def named(self, name: str, version: str = "") -> str | None:
        """Raises NotKnownError where the project has no such model."""
        resource = self._found.get((name, version or self._latest(name)))
        if resource is None:
            raise NotKnownError(name)
        return self.names.get(resource)

    def _latest(self, name: str) -> str:
        _, entry = self._properties.entries.get(("models", name), ("", {}))
        return str(entry.get("latest_version") or max(self._versions.get(name, ()), key=_in_order, default=""))

    def source(self, call: nodes.Call) -> str:
        """Raises NotKnownError."""
        given = [self._scope.value(argument) for argument in call.args]
        if len(given) != 2 or call.kwargs or call.dyn_args or call.dyn_kwargs:
            raise NotKnownError("source")
        return self.of_source(str(given[0]), str(given[1]))

    def of_source(self, source: str, table: str) -> str:
        """Raises NotKnownError."""
        found = self._properties.sources.get((source, table))
        if found is None or not self._scope.rendered(found.enabled):
            raise NotKnownError(f"{source}.{table}")
        database, schema, identifier = map(self._scope.rendered, (found.database, found.schema, found.identifier))
        return table_name(database or None, schema, identifier)


def _in_order(version: str) -> tuple[bool, int, str]:
    return (not version.isdigit(), int(version) if version.isdigit() else 0, version)
