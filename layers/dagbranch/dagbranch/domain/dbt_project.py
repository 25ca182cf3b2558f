"""Which tables a dbt project reads and writes, told from its files: dbt is not run, and no template is rendered.

Models, seeds and snapshots are written, ``source()`` is read, ``ref()`` resolved. What only a run would tell is
unknown; so is what installed packages do, but for a few whose macros are known to read what they are handed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from jinja2 import nodes

from dagbranch.domain.dbt_files import PROJECT_FILE, ProjectFiles
from dagbranch.domain.dbt_handover import handover
from dagbranch.domain.dbt_names import ANYTHING, Relations, Resource, is_enabled, is_ephemeral, relation_of
from dagbranch.domain.dbt_packages import installed_packages
from dagbranch.domain.dbt_profile import target_of
from dagbranch.domain.dbt_python import read_python_model
from dagbranch.domain.dbt_resources import PYTHON, resources_of
from dagbranch.domain.dbt_sql import Reader
from dagbranch.domain.dbt_templates import BrokenTemplateError, parse_template
from dagbranch.domain.dbt_values import NotKnownError, Scope
from dagbranch.domain.foreign_yaml import BrokenYamlError, read_foreign_yaml
from dagbranch.domain.table_uses import Uses

type Macros = Mapping[str, Sequence[nodes.Macro]]
_HOOKS: Final = ("pre-hook", "post-hook")
_HOOKS_OF_RUN: Final = ("on-run-start", "on-run-end")
# Macros that give names, and those that test: they write nothing.
_NAMING: Final = ("generate_schema_name", "generate_alias_name", "generate_database_name")
_TESTING: Final = ("test_", "data_test_")


def read_dbt_projects(files: Mapping[str, bytes]) -> tuple[dict[str, Uses], frozenset[str]]:
    """What each file of the repository's dbt projects uses, and the paths that are dbt's to read and nobody else's."""
    uses: defaultdict[str, Uses] = defaultdict(Uses)
    projects = list(_projects(files, uses))
    claimed = frozenset(path for project in projects for path in project.claimed()) | uses.keys()
    for project in projects:
        _Reading(project, claimed, uses).read()
    return dict(uses), claimed


def _projects(files: Mapping[str, bytes], uses: Mapping[str, Uses]) -> Iterator[ProjectFiles]:
    """Those that are not within another, as installed packages are."""
    inside: set[str] = set()
    for path in sorted(files, key=lambda path: (path.count("/"), path)):
        folder, name = path[: len(path) - len(PROJECT_FILE)], PROJECT_FILE
        if path != folder + name or (folder and not folder.endswith("/")) or path in inside:
            continue
        try:
            settings = read_foreign_yaml(files[path])
        except BrokenYamlError as error:
            uses[path].unknown.add(error.line)
            continue
        project = ProjectFiles(files, folder, settings if isinstance(settings, dict) else {})
        inside.update(project.claimed())
        yield project


class _Reading:
    """One project; what is found goes into ``uses`` by path."""

    def __init__(self, project: ProjectFiles, claimed: frozenset[str], uses: defaultdict[str, Uses]) -> None:
        self._project = project
        self._uses = uses
        given = handover(project.files, claimed, _variables(project))
        scope = Scope(given.variable, given.environment, {"project_name": project.name})
        self._scope = scope.having(target_of(project, scope))

    def read(self) -> None:
        properties = self._project.properties(self._uses)
        macros = self._macros()
        resources = [
            resource for resource in resources_of(self._project, properties, self._uses) if self._is_built(resource)
        ]
        relations = Relations(self._project.name, resources, properties, self._scope)
        for resource in resources:
            self._write(resource, relations, macros)
        reader = Reader(relations, self._scope, macros)
        for resource in resources:
            self._read_resource(resource, replace(reader, this=relations.names.get(resource)))
        self._read_macros(reader)
        self._read_hooks_of_run(reader)
        for path, line in installed_packages(self._project):
            self._uses[path].unknown.add(line)

    def _is_built(self, resource: Resource) -> bool:
        try:
            return is_enabled(resource, self._scope)
        except NotKnownError:
            self._uses[resource.path].unknown.add(resource.line)
            return True

    def _write(self, resource: Resource, relations: Relations, macros: Macros) -> None:
        uses = self._uses[resource.path]
        try:
            if not is_ephemeral(resource, self._scope):
                name = relation_of(resource, self._scope, macros)
                relations.names[resource] = name
                uses.written[name].add(resource.line)
        except NotKnownError:
            uses.unknown.add(resource.line)

    def _read_resource(self, resource: Resource, reader: Reader) -> None:
        uses = self._uses[resource.path]
        if resource.path.endswith(PYTHON):
            uses.add(read_python_model(self._project.files[resource.path], reader))
        elif resource.body:
            uses.add(reader.of_model(resource.body))
        for hook in (hook for key in (*_HOOKS, ANYTHING) for value in resource.all_of(key) for hook in _hooks(value)):
            self._read_hook(hook, resource, reader)

    def _read_hook(self, hook: Any, resource: Resource, reader: Reader) -> None:
        uses, line = self._uses[resource.path], resource.line
        if isinstance(hook, nodes.Node):
            line = hook.lineno or line
            hook = hook.value if isinstance(hook, nodes.Const) else None
        if isinstance(hook, str):
            uses.add(reader.of_hook(hook), _always(line))
        else:
            uses.unknown.add(line)

    def _macros(self) -> dict[str, list[nodes.Macro]]:
        found: defaultdict[str, list[nodes.Macro]] = defaultdict(list)
        for _, macro in self._parsed_macros():
            found[macro.name].append(macro)
        return dict(found)

    def _parsed_macros(self) -> Iterator[tuple[str, nodes.Macro]]:
        for path, _ in self._project.of("macros", ".sql"):
            try:
                body = parse_template(self._project.text(path)).body
            except BrokenTemplateError as error:
                self._uses[path].unknown.add(error.line)
            else:
                yield from ((path, node) for node in body if isinstance(node, nodes.Macro))

    def _read_macros(self, reader: Reader) -> None:
        for path, macro in self._parsed_macros():
            if not (macro.name in _NAMING or macro.name.startswith(_TESTING)):
                self._uses[path].add(reader.of_macro(macro))

    def _read_hooks_of_run(self, reader: Reader) -> None:
        path = self._project.folder + PROJECT_FILE
        lines = self._project.text(path).splitlines()
        for key in _HOOKS_OF_RUN:
            line = next((number for number, text in enumerate(lines, start=1) if text.startswith(key)), 1)
            for hook in _hooks(self._project.settings.get(key)):
                found = reader.of_hook(hook) if isinstance(hook, str) else Uses(unknown={1})
                self._uses[path].add(found, _always(line))


def _always(line: int) -> Callable[[int], int]:
    return lambda _: line


def _variables(project: ProjectFiles) -> dict[str, Any]:
    """The project's own section before what is for all packages."""
    everywhere = project.settings.get("vars")
    if not isinstance(everywhere, dict):
        return {}
    own = everywhere.get(project.name)
    return {**everywhere, **(own if isinstance(own, dict) else {})}


def _hooks(value: Any) -> list[Any]:
    """Texts, or Jinja's nodes of texts; None for what is neither."""
    match value:
        case None:
            return []
        case list() | nodes.List():
            items = value.items if isinstance(value, nodes.List) else value
            return [hook for item in items for hook in _hooks(item)]
        case {"sql": text}:
            return _hooks(text)
        case nodes.Dict(items=pairs):
            return [pair.value for pair in pairs if isinstance(pair.key, nodes.Const) and pair.key.value == "sql"]
    return [value]
