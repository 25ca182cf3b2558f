"""In a lane where nothing is made: whether the tables that ``dagbranch.yaml`` declares are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.warehouse_state import FoundSchema
from dagbranch.errors import InvalidPipelineError


def full_names(specification: DataSpecification, names: Mapping[str, str]) -> dict[str, str]:
    """The lane's own schema of each that is declared, as the warehouse knows it; ``names``: as code is told them."""
    catalogs = {declared: schema.catalog for declared, schema in specification.schemas.items()}
    return {
        declared: (f"{catalogs[declared]}.{name}" if catalogs[declared] else name).lower()
        for declared, name in names.items()
    }


def check_declared_tables(
    specification: DataSpecification, schemas: Mapping[str, str], found: Mapping[str, FoundSchema]
) -> None:
    """Raises InvalidPipelineError that names all that are missing."""
    missing = [fault for declared, name in schemas.items() for fault in _missing(specification, declared, name, found)]
    if missing:
        missing.append("(nothing is made in this lane: make what is missing there first)")
        raise InvalidPipelineError("\n".join(missing))


def _missing(
    specification: DataSpecification, declared: str, name: str, found: Mapping[str, FoundSchema]
) -> Iterator[str]:
    key, schema = f"{PIPELINE_FILE}: data.schemas.{declared}", specification.schemas[declared]
    if name not in found:
        yield f"{key}: there is no schema {name}"
        return
    tables = found[name].tables
    for pattern in schema.read:
        if pattern != "*" and not any(fnmatchcase(table, pattern.lower()) for table in tables):
            yield f"{key}.read: {name} has no {pattern}"
    for written in schema.write:
        kind = tables.get(written.lower())
        if kind != "table":
            yield f"{key}.write.{written}: {name} has " + (f"no {written}" if kind is None else f"{written} as a view")
