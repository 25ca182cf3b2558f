"""A registry in memory, as strict about revisions and claims as the table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from dagbranch.domain.environments import Environment
from dagbranch.errors import NotOursError, TransientUpstreamError, UpstreamError

type _Pull = tuple[int, int]


class InMemoryRegistry:
    def __init__(self) -> None:
        self.history: list[str] = []
        self._items: dict[_Pull, Environment] = {}
        self._claims: dict[str, _Pull] = {}
        self._notes: dict[tuple[str, str], datetime] = {}
        self._columns: dict[tuple[int, str], frozenset[str]] = {}

    def get(self, repository_id: int, pull_number: int) -> Environment | None:
        return self._items.get((repository_id, pull_number))

    def find(self, lane: str, repository: str, pull_number: int) -> Environment | None:
        found = [
            one
            for one in self.all(lane)
            if one.repository.lower() == repository.lower() and one.pull_number == pull_number
        ]
        return max(found, key=lambda one: one.updated_at, default=None)

    def all(self, lane: str) -> Iterator[Environment]:
        return iter([one for one in self._items.values() if one.lane == lane])

    def claim(self, environment: Environment, names: Iterable[str], event: str) -> Environment:
        owner = environment.repository_id, environment.pull_number
        for name in names:
            if self._claims.get(name, owner) == owner:
                written = self.save(replace(environment, name=name), event)
                self._claims[name] = owner
                return written
        raise NotOursError(f"no name is free for {environment.branch}")

    def save(self, environment: Environment, event: str) -> Environment:
        key = environment.repository_id, environment.pull_number
        standing = self._items.get(key)
        if (standing.revision if standing else 0) != environment.revision:
            raise TransientUpstreamError(f"another writer changed {environment.name} meanwhile")
        self._items[key] = replace(environment, revision=environment.revision + 1)
        if event:
            self.history.append(event)
        return self._items[key]

    def update(self, environment: Environment, change: Callable[[Environment], Environment], event: str) -> Environment:
        for _ in range(8):
            newest = self.get(environment.repository_id, environment.pull_number)
            if newest is None:
                break
            try:
                return self.save(change(newest), event)
            except TransientUpstreamError:
                continue
        raise TransientUpstreamError(f"the registry cannot change {environment.name}")

    def release(self, environment: Environment, event: str) -> Environment:
        owner = environment.repository_id, environment.pull_number
        if environment.name is not None and self._claims.get(environment.name, owner) != owner:
            raise UpstreamError(f"the name {environment.name} is claimed by another pull request")
        written = self.save(environment, event)
        if environment.name is not None:
            self._claims.pop(environment.name, None)
        return written

    def noted_at(self, lane: str, what: str) -> datetime | None:
        return self._notes.get((lane, what))

    def note(self, lane: str, what: str, at: datetime) -> None:
        self._notes[lane, what] = at

    def known_columns(self, repository_id: int, tables: Collection[str]) -> Mapping[str, frozenset[str]]:
        found = {table: self._columns.get((repository_id, table)) for table in tables}
        return {table: columns for table, columns in found.items() if columns is not None}

    def remember_columns(self, repository_id: int, columns: Mapping[str, frozenset[str]]) -> None:
        for table, names in columns.items():
            self._columns.setdefault((repository_id, table), names)
