"""The files of a dbt project: where its models, seeds and snapshots lie, and what its YAML says of them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dagbranch.domain.foreign_yaml import BrokenYamlError, read_foreign_yaml
from dagbranch.domain.table_uses import Uses

PROJECT_FILE: Final = "dbt_project.yml"
PROFILES_FILE: Final = "profiles.yml"
YAML: Final = (".yml", ".yaml")
# By kind of resource: the key of its folders, an older name of that, and where they are by default.
_FOLDERS: Final = {
    "models": ("model-paths", "source-paths", ["models"]),
    "seeds": ("seed-paths", "data-paths", ["seeds"]),
    "snapshots": ("snapshot-paths", "", ["snapshots"]),
    "macros": ("macro-paths", "", ["macros"]),
    "analyses": ("analysis-paths", "", ["analyses"]),
    "tests": ("test-paths", "", ["tests"]),
    "": ("packages-install-path", "modules-path", "dbt_packages"),
}
# Beside these, YAML files say more of them.
PROPERTIES: Final = ("models", "seeds", "snapshots", "macros", "analyses", "tests")
_MADE_BY_DBT: Final = ("target", "dbt_packages", "dbt_modules", "logs")


@dataclass(frozen=True)
class Source:
    """One table of a source; values as they are written."""

    database: Any
    schema: Any
    identifier: Any
    enabled: Any


@dataclass(frozen=True)
class Properties:
    """What the YAML files beside the models say, by kind and name."""

    entries: dict[tuple[str, str], tuple[str, dict[str, Any]]] = field(default_factory=dict)
    sources: dict[tuple[str, str], Source] = field(default_factory=dict)


@dataclass(frozen=True)
class ProjectFiles:
    """``files`` are the whole repository's; ``folder`` is the project's, with a slash at its end unless it is all."""

    files: Mapping[str, bytes]
    folder: str
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.settings.get("name", ""))

    def of(self, kind: str, *suffixes: str) -> Iterator[tuple[str, str]]:
        """Paths, and what each is called within its folder of that kind."""
        for root in self.roots(kind):
            for path in sorted(self.files):
                if path.startswith(root) and path.endswith(suffixes):
                    yield path, path[len(root) :]

    def roots(self, kind: str) -> list[str]:
        key, older, default = _FOLDERS[kind]
        named = self.settings.get(key, self.settings.get(older, default))
        folders = named if isinstance(named, list) else [named]
        paths = [posixpath.normpath(f"{self.folder}{folder}") for folder in folders]
        return ["" if path == "." else f"{path}/" for path in paths]

    def claimed(self) -> Iterator[str]:
        """The paths that only dbt reads."""
        roots = (
            *(root for kind in _FOLDERS for root in self.roots(kind)),
            *(f"{self.folder}{made}/" for made in _MADE_BY_DBT),
        )
        own = {self.folder + PROJECT_FILE, self.folder + PROFILES_FILE}
        # A folder that is the whole repository holds what others read too.
        prefixes = tuple(root for root in roots if root)
        return (path for path in self.files if path in own or path.startswith(prefixes))

    def text(self, path: str) -> str:
        return self.files[path].decode(errors="replace")

    def configs(self, kind: str, qualified: list[str]) -> list[Mapping[str, Any]]:
        """What dbt_project.yml says of a resource, from the project down to its own name; the last one holds."""
        level = self.settings.get(kind)
        layers: list[Mapping[str, Any]] = []
        for part in [*qualified, None]:
            if not isinstance(level, dict):
                break
            layers.append(_own_keys(level))
            level = level.get(part)
        return layers

    def properties(self, uses: Mapping[str, Uses]) -> Properties:
        """A file that is no YAML is unknown where it breaks."""
        found = Properties()
        for kind in PROPERTIES:
            for path, _ in self.of(kind, *YAML):
                try:
                    content = read_foreign_yaml(self.files[path])
                except BrokenYamlError as error:
                    uses[path].unknown.add(error.line)
                else:
                    _note(found, path, content if isinstance(content, dict) else {})
        return found


def _own_keys(level: Mapping[Any, Any]) -> dict[str, Any]:
    marked = {str(key)[1:].strip(): value for key, value in level.items() if str(key).startswith("+")}
    return {str(key): value for key, value in level.items() if not isinstance(value, dict)} | marked


def _note(found: Properties, path: str, content: Mapping[str, Any]) -> None:
    for kind in ("models", "seeds", "snapshots"):
        for entry in dicts_of(content.get(kind)):
            found.entries[kind, str(entry.get("name"))] = (path, entry)
    for source in dicts_of(content.get("sources")):
        for table in dicts_of(source.get("tables")):
            name = str(source.get("name"))
            found.sources[name, str(table.get("name"))] = Source(
                database=source.get("database") or source.get("catalog"),
                schema=source.get("schema") or name,
                identifier=table.get("identifier") or table.get("name"),
                enabled=_enabled(table, _enabled(source, otherwise=True)),
            )


def _enabled(entry: Mapping[str, Any], otherwise: Any) -> Any:
    return config_of(entry).get("enabled", otherwise)


def config_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    config = entry.get("config")
    return config if isinstance(config, dict) else {}


def dicts_of(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
