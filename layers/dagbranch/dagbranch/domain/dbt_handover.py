"""What a pipeline's own code hands over to dbt: environment variables and ``--vars``, read from its text.

The convention is that of docs/recipes.md: ``"DBT_SCHEMA": "{{ schema('db_shop') }}"``, and a dictionary for
``--vars`` with ``"db_shop": schema("db_shop")``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from dagbranch.domain.dbt_values import EnvironmentName, MissingVariableError, NotKnownError

_SUFFIXES: Final = (".py", ".sh", ".bash", ".json", ".yaml", ".yml")
_NOT_THE_PIPELINES: Final = frozenset({"dagbranch.yaml", "profiles.yml", "dbt_project.yml"})
_LARGEST_BYTES: Final = 1_000_000
_VARIABLES: Final = re.compile(r"--vars\b|\bvars['\"]?\s*[:=]")
_CALL: Final = r"schema\(\s*(?:\\?['\"])(?P<name>\w+)(?:\\?['\"])\s*\)"
_VALUE: Final = re.compile(
    rf"\s*(?:\\?['\"]?\{{\{{-?\s*{_CALL.replace('name', 'templated')}\s*-?\}}\}}\\?['\"]?"
    rf"|{_CALL}"
    r"|(?P<quote>\\?['\"])(?P<literal>[\w.-]+)(?P=quote))"
    r"\s*(?=[,})\n;&|'\"]|$)"
)


@dataclass(frozen=True)
class Handover:
    """``texts`` are the files that may start dbt; ``variables`` the project's own."""

    texts: tuple[str, ...]
    variables: Mapping[str, Any]
    _found: dict[str, set[object]] = field(default_factory=dict)

    def environment(self, name: str) -> object:
        """Raises NotKnownError, also where the pipeline leaves it to the server."""
        found = self._handed(name)
        if not found:
            raise NotKnownError(name)
        return _the_one(name, found)

    def variable(self, name: str) -> object:
        """Raises NotKnownError; MissingVariableError where it is certain that nobody gives it."""
        if found := self._handed(name):
            return _the_one(name, found)
        if self._hands_variables:
            raise NotKnownError(name)
        if name in self.variables and "{{" not in str(self.variables[name]):
            return self.variables[name]
        if name in self.variables:
            raise NotKnownError(name)
        raise MissingVariableError(name)

    @cached_property
    def _hands_variables(self) -> bool:
        return any(_VARIABLES.search(text) for text in self.texts)

    def _handed(self, name: str) -> set[object]:
        """What it is set to, wherever the files name it as a key; None where that is no name."""
        if name not in self._found:
            self._found[name] = self._search(name)
        return self._found[name]

    def _search(self, name: str) -> set[object]:
        key = re.compile(rf"(?<![\w.])(?:\\?['\"])?{re.escape(name)}(?:\\?['\"])?\]?\s*[:=](?!=)")
        return {_value_at(text, found.end()) for text in self.texts for found in key.finditer(text)}


def handover(files: Mapping[str, bytes], claimed: frozenset[str], variables: Mapping[str, Any]) -> Handover:
    """``claimed`` are the dbt projects' own files: they say what is wanted, not what is given."""
    return Handover(tuple(_texts(files, claimed)), variables)


def _texts(files: Mapping[str, bytes], claimed: frozenset[str]) -> Iterator[str]:
    for path, content in sorted(files.items()):
        *folders, file = path.split("/")
        # What stands in a hidden folder, such as a workflow, starts dbt elsewhere.
        hidden = any(folder.startswith(".") for folder in folders)
        if path.endswith(_SUFFIXES) and not (hidden or path in claimed or file in _NOT_THE_PIPELINES):
            yield content[:_LARGEST_BYTES].decode(errors="replace")


def _value_at(text: str, position: int) -> object:
    found = _VALUE.match(text, position)
    if found is None:
        return None
    name = found["templated"] or found["name"]
    return EnvironmentName(name.lower()) if name else found["literal"]


def _the_one(name: str, found: set[object]) -> object:
    if len(found) == 1 and None not in found:
        return next(iter(found))
    raise NotKnownError(name)
