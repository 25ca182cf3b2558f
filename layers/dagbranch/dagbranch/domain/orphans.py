"""What stands without a record that claims it: ours to remove only where its own marker says whose it was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.ownership import Owner
from dagbranch.domain.schema_marker import SchemaMarker

type Key = tuple[int, int]  # Environment.key

_SETTLED: Final = frozenset({Status.READY, Status.FAILED})  # in between, its record is younger than what stands


@dataclass(frozen=True)
class Orphan:
    """Something of an environment called ``name``, made for the pull request ``key``."""

    key: Key
    repository: str
    name: str
    why: str
    schemas: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """Whom something that is found may belong to. ``repositories``: those that GitHub told all open ones of, by id.

    ``is_complete``: whether these are all that the stack serves, as far as anything is known of them.
    """

    lane: str
    environments: Mapping[Key, Environment]
    open_keys: Collection[Key]
    repositories: Mapping[int, str]
    is_complete: bool = True

    def is_claimed(self, key: Key) -> bool:
        """Whether the ordinary work will look after it: its record is live, waits for its turn, or will be made."""
        found = self.environments.get(key)
        return found.is_live or found.status == Status.WAITING if found is not None else key in self.open_keys

    @cached_property
    def claimed_names(self) -> frozenset[str]:
        return frozenset(one.name for one in self.environments.values() if one.is_live and one.name is not None)

    @cached_property
    def former(self) -> Mapping[str, Environment]:
        """By name, who had it last, of those that have nothing any more."""
        gone = [one for one in self.environments.values() if one.status == Status.REMOVED]
        return {one.name: one for one in sorted(gone, key=lambda one: one.updated_at) if one.name is not None}

    @cached_property
    def repository_ids(self) -> Mapping[str, int]:
        return {name.lower(): id_ for id_, name in self.repositories.items()}


def orphans_in_buckets(standing: Mapping[str, Owner | None], known: Known) -> Iterator[Orphan | str]:
    """Orphans, and in words what is not provably ours. Another lane's is its own stack's affair."""
    for name, owner in sorted(standing.items()):
        if name in known.claimed_names or (owner is not None and owner.lane != known.lane):
            continue
        if owner is None:
            yield f"{name}.zip or {name}/ in the dags folder looks like an environment's and carries no marker"
        elif owner.repository_id not in known.repositories:
            if known.is_complete:
                yield f"{name} carries the marker of the repository {owner.repository_id}, which is not this stack's"
        elif owner.key in known.environments and known.environments[owner.key].is_live:
            yield f"{name} is of {_whose(owner.pull_number)}, whose environment has another name"
        elif owner.pull_number == RELEASE:
            yield f"{name} is of {_whose(RELEASE)}, which is not on record: it is left alone"
        elif not known.is_claimed(owner.key):
            yield Orphan(owner.key, known.repositories[owner.repository_id], name, f"{name} outlived its record")


def orphans_in_airflow(listed: Iterable[ListedDag], standing: Collection[str], known: Known) -> Iterator[Orphan | str]:
    """Rows whose zip is nowhere: ours where a record says who had that name."""
    spoken_for = known.claimed_names | set(standing)
    by_zip: dict[str, list[ListedDag]] = {}
    for row in listed:
        if row.zip_name is not None and row.zip_name in row.tags and row.zip_name not in spoken_for:
            by_zip.setdefault(row.zip_name, []).append(row)
    for name, rows in sorted(by_zip.items()):
        former = known.former.get(name)
        why = f"Airflow lists {len(rows)} DAGs of {name}.zip, which is gone"
        if former is None or former.repository_id not in known.repositories:
            yield why
        else:
            yield Orphan(former.key, former.repository, name, why)


def orphans_in_warehouse(schemas: Mapping[str, SchemaMarker], known: Known) -> Iterator[Orphan | str]:
    """Marked schemas of pull requests that have no environment."""
    for marker, names in _by_environment(schemas, known.lane):
        repository_id = known.repository_ids.get(marker.repository.lower())
        if repository_id is None:
            continue  # another stack's
        key = (repository_id, marker.pull_number)
        found = known.environments.get(key)
        if found is not None and found.is_live:
            strange = [name for name in names if name not in found.schemas]
            if strange and found.status in _SETTLED:
                yield f"{', '.join(strange)}: made for {marker.repository}#{marker.pull_number}, and not on its record"
        elif marker.pull_number == RELEASE:
            yield f"{', '.join(names)}: of {_whose(RELEASE)}, which is not on record: left alone"
        elif not known.is_claimed(key):
            why = f"{', '.join(names)} outlived the record of {marker.environment}"
            yield Orphan(key, marker.repository, marker.environment, why, tuple(names))


def _whose(pull_number: int) -> str:
    return {RELEASE: "a repository's release", CANARY: "a canary"}.get(pull_number, f"pull request {pull_number}")


def schemas_of(environment: Environment) -> list[str]:
    """Those that stand for it, or did when it was removed."""
    before = environment.receipt.get("schemas", [])
    return [*environment.schemas, *(before if isinstance(before, list) else [])]


def catalog_of(schema: str) -> str | None:
    return schema.rpartition(".")[0] or None


def _by_environment(schemas: Mapping[str, SchemaMarker], lane: str) -> Iterator[tuple[SchemaMarker, list[str]]]:
    found: dict[tuple[str, int, str], list[str]] = {}
    for name, marker in sorted(schemas.items()):
        if marker.lane == lane:
            found.setdefault((marker.repository, marker.pull_number, marker.environment), []).append(name)
    return ((schemas[names[0]], names) for names in found.values())
