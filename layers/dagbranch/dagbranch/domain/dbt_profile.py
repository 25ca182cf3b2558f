"""Where a dbt project's connection points to: what its ``profiles.yml`` says of the target."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dagbranch.domain.dbt_files import PROFILES_FILE, ProjectFiles
from dagbranch.domain.dbt_values import EnvironmentName, NotKnownError, Scope
from dagbranch.domain.foreign_yaml import BrokenYamlError, read_foreign_yaml

# The target's own database is left out of names, as SQL leaves the connection's catalog out.
OWN_DATABASE: Final = EnvironmentName("")
_OF_SCHEMA: Final = ("schema", "dataset")


def target_of(project: ProjectFiles, scope: Scope) -> dict[str, object]:
    """``target.schema`` and its like, as far as all outputs agree: a run chooses among them with ``--target``."""
    outputs = _outputs(project, scope)
    found: dict[str, object] = {"target.database": OWN_DATABASE, "target.catalog": OWN_DATABASE}
    if len(outputs) == 1:
        found["target.name"] = outputs[0][0]
    for name, keys in (("target.schema", _OF_SCHEMA), ("target.dataset", _OF_SCHEMA), ("target.type", ("type",))):
        try:
            values = [scope.rendered(_first(output, keys)) for _, output in outputs]
        except NotKnownError:
            continue
        if values and all(isinstance(value, str) and value == values[0] for value in values):
            found[name] = values[0]
    return found


def _outputs(project: ProjectFiles, scope: Scope) -> list[tuple[str, Mapping[str, Any]]]:
    """The project's own profiles before those elsewhere in the repository."""
    try:
        wanted = scope.rendered(project.settings.get("profile"))
    except NotKnownError:
        return []
    profiles = list(_profiles(project, wanted))
    return [
        (str(name), output)
        for profile in profiles
        for name, output in _mapping(profile.get("outputs")).items()
        if isinstance(output, dict)
    ]


def _profiles(project: ProjectFiles, wanted: object) -> Iterator[Mapping[str, Any]]:
    own = project.folder + PROFILES_FILE
    elsewhere = [path for path in sorted(project.files) if posixpath.basename(path) == PROFILES_FILE]
    for path in [own] if own in project.files else elsewhere:
        try:
            profile = _mapping(read_foreign_yaml(project.files[path])).get(wanted)
        except BrokenYamlError:
            profile = None
        if profile is not None:
            yield _mapping(profile)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _first(output: Mapping[str, Any], keys: tuple[str, ...]) -> object:
    return next((output[key] for key in keys if key in output), None)
