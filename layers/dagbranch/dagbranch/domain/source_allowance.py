"""What a stack lets a repository read: catalogs and suffixes of schemas. A specification can only narrow that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

ANY: Final = "*"


@dataclass(frozen=True)
class SourceAllowance:
    """Lower case. A schema without a catalog is in the connection's own, which the stack chose itself."""

    catalogs: frozenset[str]
    suffixes: frozenset[str]

    @classmethod
    def anything(cls) -> Self:
        """Where no stack is asked: the command line."""
        return cls(frozenset({ANY}), frozenset({ANY}))

    def permits(self, schema: str) -> bool:
        """Whether ``schema`` or ``catalog.schema`` may be read."""
        return self.permits_catalog(schema.rpartition(".")[0]) and self.permits_name(schema.rpartition(".")[2])

    def permits_catalog(self, catalog: str) -> bool:
        return not catalog or ANY in self.catalogs or catalog.lower() in self.catalogs

    def permits_name(self, schema: str) -> bool:
        return ANY in self.suffixes or schema.lower().endswith(tuple(self.suffixes))


@dataclass(frozen=True)
class RepositoryLists:
    """A stack's parameter: values for all repositories, and for some by name instead."""

    general: frozenset[str]
    by_repository: Mapping[str, frozenset[str]]

    def of(self, repository: str) -> frozenset[str]:
        return self.by_repository.get(repository.lower(), self.general)

    @classmethod
    def parse(cls, text: str) -> Self:
        """``_test, acme/finance=_sandbox`` → ``_sandbox`` for that repository, ``_test`` for every other.

        An empty value stays, for the settings to refuse: every name ends in it.
        """
        general: set[str] = set()
        by_repository: dict[str, set[str]] = {}
        for entry in _entries(text):
            repository, named, value = entry.rpartition("=")
            chosen = by_repository.setdefault(repository.strip().lower(), set()) if named else general
            chosen.add(value.strip().lower())
        return cls(frozenset(general), {name: frozenset(values) for name, values in by_repository.items()})


def _entries(text: str) -> Iterable[str]:
    return (entry.strip() for entry in text.split(",") if entry.strip())
