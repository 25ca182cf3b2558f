"""The models, seeds and snapshots of a dbt project, each with its configs from far to near."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from jinja2 import nodes

from dagbranch.domain.dbt_files import PROPERTIES, YAML, ProjectFiles, Properties, config_of, dicts_of
from dagbranch.domain.dbt_names import ANYTHING, Layer, Resource
from dagbranch.domain.dbt_templates import BrokenTemplateError, calls, parse_template
from dagbranch.domain.syntax import UNREADABLE, parsed
from dagbranch.domain.table_uses import Uses

_UNTOLD: Final = nodes.Name("", "load")
# What dbt's models are written in besides SQL.
PYTHON: Final = ".py"


def resources_of(project: ProjectFiles, properties: Properties, uses: Mapping[str, Uses]) -> Iterator[Resource]:
    """A file that cannot be parsed is unknown where it breaks, and gives none."""
    yield from _Gathering(project, properties, uses).all()


class _Gathering:
    def __init__(self, project: ProjectFiles, properties: Properties, uses: Mapping[str, Uses]) -> None:
        self._project = project
        self._properties = properties
        self._uses = uses
        self._versions = dict(_versions(properties))

    def all(self) -> Iterator[Resource]:
        for path, place in self._project.of("models", ".sql"):
            if (body := self._body(path)) is not None:
                yield self._model(path, place, tuple(body), config_calls(body))
        for path, place in self._project.of("models", PYTHON):
            yield self._model(path, place, (), self._python_configs(path))
        for path, place in self._project.of("seeds", ".csv"):
            name = _stem(place)
            yield Resource("seeds", name, path, 1, tuple(self._layers("seeds", [*_folders(place), name], name)))
        for path, place in self._project.of("snapshots", ".sql"):
            yield from self._snapshots(path, place)
        yield from self._yaml_snapshots()

    def _body(self, path: str) -> list[nodes.Node] | None:
        try:
            return parse_template(self._project.text(path)).body
        except BrokenTemplateError as error:
            self._uses[path].unknown.add(error.line)
            return None

    def _model(self, path: str, place: str, body: tuple[nodes.Node, ...], near: Sequence[Layer]) -> Resource:
        name, version, own = self._versions.get(_stem(place), (_stem(place), "", {}))
        qualified = [*_folders(place), name, *([f"v{version}"] if version else [])]
        default = [{"materialized": "table"}] if path.endswith(PYTHON) else []
        layers = (*default, *self._layers("models", qualified, name), own, *near)
        return Resource("models", name, path, 1, layers, version, body)

    def _layers(self, kind: str, qualified: list[str], name: str) -> list[Layer]:
        _, entry = self._properties.entries.get((kind, name), ("", {}))
        return [*self._project.configs(kind, [self._project.name, *qualified]), config_of(entry)]

    def _snapshots(self, path: str, place: str) -> Iterator[Resource]:
        for block in self._body(path) or ():
            if isinstance(block, nodes.Macro):
                qualified = [*_folders(place), _stem(place), block.name]
                layers = (*self._layers("snapshots", qualified, block.name), *config_calls(block.body))
                yield Resource("snapshots", block.name, path, block.lineno, layers, body=tuple(block.body))

    def _yaml_snapshots(self) -> Iterator[Resource]:
        places = dict(place for kind in PROPERTIES for place in self._project.of(kind, *YAML))
        for (kind, name), (path, entry) in self._properties.entries.items():
            relation = entry.get("relation")
            if kind != "snapshots" or not isinstance(relation, str):
                continue
            text = self._project.text(path)
            layers = tuple(self._layers("snapshots", [*_folders(places[path]), name], name))
            line = _line_of(text, name)
            body = self._body_of_relation(path, relation, _line_of(text, relation))
            yield Resource("snapshots", name, path, line, layers, body=body)

    def _body_of_relation(self, path: str, relation: str, line: int) -> tuple[nodes.Node, ...]:
        """``ref('orders')``, as the file of a snapshot would have it, on its line."""
        try:
            return tuple(parse_template("\n" * (line - 1) + "SELECT * FROM {{ " + relation + " }}").body)
        except BrokenTemplateError:
            self._uses[path].unknown.add(line)
            return ()

    def _python_configs(self, path: str) -> list[Layer]:
        try:
            tree = parsed(self._project.files[path])
        except UNREADABLE as error:
            self._uses[path].unknown.add(getattr(error, "lineno", None) or 1)
            return []
        return [
            {keyword.arg or ANYTHING: _literal(keyword.value) for keyword in keywords}
            for node in ast.walk(tree)
            for keywords in _keywords_of_config(node)
        ]


def _keywords_of_config(node: ast.AST) -> Iterator[list[ast.keyword]]:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="dbt"), attr="config"), keywords=keywords):
            yield keywords


def config_calls(body: Sequence[nodes.Node]) -> list[Layer]:
    """What ``config(…)`` says, in order. One under a condition may say anything."""
    return [
        _config(call) if isinstance(node, nodes.Output) else {ANYTHING: None}
        for node in body
        for name, call in calls(node)
        if name == "config"
    ]


def _config(call: nodes.Call) -> Layer:
    if call.dyn_args or call.dyn_kwargs:
        return {ANYTHING: None}
    named = {keyword.key: keyword.value for keyword in call.kwargs}
    for argument in call.args:
        if not isinstance(argument, nodes.Dict):
            return {ANYTHING: None}
        for pair in argument.items:
            named[pair.key.value if isinstance(pair.key, nodes.Const) else ANYTHING] = pair.value
    return named


def _versions(properties: Properties) -> Iterator[tuple[str, tuple[str, str, Mapping[str, Any]]]]:
    """By the file that defines it: the model's name, the version, and that version's own configs."""
    for (kind, name), (_, entry) in properties.entries.items():
        for version in dicts_of(entry.get("versions")) if kind == "models" else ():
            file = version.get("defined_in") or f"{name}_v{version.get('v')}"
            yield str(file), (name, str(version.get("v")), config_of(version))


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except UNREADABLE:
        return _UNTOLD


def _stem(place: str) -> str:
    return posixpath.splitext(posixpath.basename(place))[0]


def _folders(place: str) -> list[str]:
    return place.split("/")[:-1]


def _line_of(text: str, part: str) -> int:
    position = text.find(part)
    return text.count("\n", 0, position) + 1 if position >= 0 else 1
