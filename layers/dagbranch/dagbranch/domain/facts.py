"""What is learned of an environment while it is made, noted in its record for those who look at its pull request.

Each note is bounded: an item holds 400 KB, and every write carries all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.domain.environments import Environment, Status, Suspects
from dagbranch.domain.overview import BaseChanges, SchemaOverview
from dagbranch.domain.packaging import Manifest

_MOST_BYTES: Final = 30_000  # of the schemas, and of the changes
_MOST_BYTES_OF_DAGS: Final = 150_000  # with the DAGs' ids, of which a server holds 1,000 at most
_MOST_SCHEMAS: Final = 50
_MOST_TABLES: Final = 200  # of one schema
_MOST_NAMED: Final = 10


def with_listed(
    environment: Environment, listed: Iterable[ListedDag], manifest: Manifest, pages: AirflowPages | None
) -> Environment:
    """``listed``: its DAGs of this commit; those of a file that the manifest does not name are left out."""
    modules: dict[str, str] = {}
    room = _MOST_BYTES_OF_DAGS - _size(environment.dag_ids)
    for dag in sorted(listed, key=lambda one: one.dag_id):
        module = manifest.modules.get(dag.file_location.rpartition("/")[2])
        if module is None:
            continue
        path = manifest.dags_folder + module
        room -= _size([dag.dag_id, path])
        if room < 0:
            break
        modules[dag.dag_id] = path
    overview = replace(environment.overview, modules=modules)
    return replace(environment, overview=overview, pages=pages or environment.pages)


def with_left(environment: Environment, left: Suspects | None) -> Environment:
    """What Airflow still lists of an older commit although the newest is ready: told, and looked at again."""
    if left is None or environment.status != Status.READY:
        return environment
    rest = len(left.dag_ids) - _MOST_NAMED
    names = ", ".join(left.dag_ids[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
    told = f"Airflow still lists {names} of an older commit: what runs there is not deleted, and is looked at again"
    return replace(environment, suspects=left, message="\n".join(filter(None, [environment.message, told])))


def with_schemas(environment: Environment, schemas: Sequence[SchemaOverview]) -> Environment:
    """Of more tables than there is room for, the first ones."""
    kept = []
    room = _MOST_BYTES
    for schema in schemas[:_MOST_SCHEMAS]:
        tables, room = _fitting(schema.tables, room)
        seeded, room = _fitting([name for name in schema.seeded if name in tables], room)
        masked, room = _fitting(schema.masked, room)
        kept.append(replace(schema, tables=tables, seeded=seeded, masked=masked))
    return replace(environment, overview=replace(environment.overview, schemas=tuple(kept)))


def with_base_changes(environment: Environment, changes: BaseChanges | None) -> Environment:
    """What is too much to hold is as good as unknown: a part of it would call the rest unchanged."""
    if changes is not None:
        names = (*changes.added, *changes.changed, *changes.removed, *changes.new_outputs)
        if _size(names) > _MOST_BYTES:
            changes = None
    return replace(environment, overview=replace(environment.overview, changes=changes))


def _size(names: Iterable[str]) -> int:
    return sum(len(name.encode()) + 3 for name in names)


def _fitting(names: Sequence[str], room: int) -> tuple[tuple[str, ...], int]:
    kept = []
    for name in names[:_MOST_TABLES]:
        room -= _size([name])
        if room < 0:
            break
        kept.append(name)
    return tuple(kept), max(room, 0)
