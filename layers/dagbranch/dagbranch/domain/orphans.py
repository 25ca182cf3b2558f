"""What stands without a record that claims it: ours to remove only where its own marker says whose it was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.ownership import Owner
from dagbranch.domain.schema_marker import SchemaMarker

type Key = tuple[int, int]  # Environment.key


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
    """Whom something that is found may belong to. ``repositories``: those that GitHub told all open ones of, by id."""

    lane: str
    environments: Mapping[Key, Environment]
    open_keys: Collection[Key]
    repositories: Mapping[int, str]

    def is_claimed(self, key: Key) -> bool:
        """Whether the ordinary work will look after it: its record is live, or will be made."""
        found = self.environments.get(key)
        return found.is_live if found is not None else key in self.open_keys

    def claimed_names(self) -> set[str]:
        return {one.name for one in self.environments.values() if one.is_live and one.name is not None}

    def former(self, name: str) -> Environment | None:
        """Who had the name last, of those that have nothing any more."""
        found = [one for one in self.environments.values() if one.status == Status.REMOVED and one.name == name]
        return max(found, key=lambda one: one.updated_at, default=None)

    def repository_id(self, repository: str) -> int | None:
        return next((id_ for id_, name in self.repositories.items() if name.lower() == repository.lower()), None)


def orphans_in_buckets(standing: Mapping[str, Owner | None], known: Known) -> Iterator[Orphan | str]:
    """Orphans, and in words what is not provably ours. Another lane's is its own stack's affair."""
    claimed = known.claimed_names()
    for name, owner in sorted(standing.items()):
        if name in claimed or (owner is not None and owner.lane != known.lane):
            continue
        if owner is None:
            yield f"{name}.zip or {name}/ in the dags folder looks like an environment's and carries no marker"
        elif owner.repository_id not in known.repositories:
            yield f"{name} carries the marker of the repository {owner.repository_id}, which is not this stack's"
        elif owner.key in known.environments and known.environments[owner.key].is_live:
            yield f"{name} is of pull request {owner.pull_number}, whose environment has another name"
        elif not known.is_claimed(owner.key):
            yield Orphan(owner.key, known.repositories[owner.repository_id], name, f"{name} outlived its record")


def orphans_in_airflow(listed: Iterable[ListedDag], standing: Collection[str], known: Known) -> Iterator[Orphan | str]:
    """Rows whose zip is nowhere: ours where a record says who had that name."""
    spoken_for = known.claimed_names() | set(standing)
    by_zip: dict[str, list[ListedDag]] = {}
    for row in listed:
        if row.zip_name is not None and row.zip_name in row.tags and row.zip_name not in spoken_for:
            by_zip.setdefault(row.zip_name, []).append(row)
    for name, rows in sorted(by_zip.items()):
        former = known.former(name)
        why = f"Airflow lists {len(rows)} DAGs of {name}.zip, which is gone"
        if former is None or former.repository_id not in known.repositories:
            yield why
        else:
            yield Orphan(former.key, former.repository, name, why)


def orphans_in_warehouse(schemas: Mapping[str, SchemaMarker], known: Known) -> Iterator[Orphan | str]:
    """Marked schemas of pull requests that have no environment."""
    for marker, names in _by_environment(schemas, known.lane):
        repository_id = known.repository_id(marker.repository)
        if repository_id is None:
            continue  # another stack's
        key = (repository_id, marker.pull_number)
        found = known.environments.get(key)
        if found is not None and found.is_live:
            strange = [name for name in names if name not in found.schemas]
            if strange:
                yield f"{', '.join(strange)}: made for {marker.repository}#{marker.pull_number}, and not on its record"
        elif not known.is_claimed(key):
            why = f"{', '.join(names)} outlived the record of {marker.environment}"
            yield Orphan(key, marker.repository, marker.environment, why, tuple(names))


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
