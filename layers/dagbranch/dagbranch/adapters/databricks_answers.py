"""What the warehouse's rows say, as plain values: schemas, tables, grants."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from dagbranch.domain.warehouse_state import FoundSchema, Grant, TableDetails

type Rows = Sequence[Sequence[Any]]

_PLAIN_COLLATION: Final = "UTF8_BINARY"
# A grant on a schema itself; the others are its catalog's and the metastore's.
_SCHEMA_OBJECTS: Final = frozenset({"SCHEMA", "DATABASE"})


def found_schema(tables: Rows, views: Rows, description: Rows) -> FoundSchema:
    """From SHOW TABLES, which tells of views too, SHOW VIEWS and DESCRIBE SCHEMA EXTENDED."""
    are_views = set(_permanent(views))
    return FoundSchema(
        comment_of(description),
        {name: "view" if name in are_views else "table" for name in sorted(_permanent(tables))},
    )


def comment_of(description: Rows) -> str | None:
    """From DESCRIBE SCHEMA EXTENDED."""
    described = {str(row[0]).lower(): row[1] for row in description}
    # Unity Catalog and Spark say Comment, the older catalog of a workspace Description.
    comment: str | None = described.get("comment", described.get("description"))
    return comment


def table_details(rows: Rows) -> TableDetails:
    """From DESCRIBE TABLE EXTENDED … AS JSON."""
    told = json.loads(rows[0][0])
    return TableDetails(
        columns={column["name"]: sql_type(column["type"]) for column in told.get("columns") or ()},
        partition_columns=tuple(told.get("partition_columns") or ()),
        properties=_properties(told.get("table_properties")),
        has_row_filter=bool(told.get("row_filter")),
        masked_columns=tuple(str(mask["column_name"]) for mask in told.get("column_masks") or ()),
        follows=told.get("view_schema_mode") == "EVOLUTION",
    )


def direct_grants(rows: Rows) -> frozenset[Grant]:
    """From SHOW GRANTS: (principal, action type, object type, object key)."""
    return frozenset(
        Grant(str(row[0]), str(row[1]).upper())
        for row in rows
        if str(row[2]).upper() in _SCHEMA_OBJECTS and str(row[1]).upper() != "OWN"
    )


def sql_type(told: Mapping[str, Any]) -> str:
    """A type of the JSON as SQL writes it: ``decimal(10,2)``, ``array<string>``, ``struct<`a`: int>``."""
    name = str(told["name"]).lower()
    written = _WRITTEN.get(name)
    return written(told) if written else name


def _field(field: Mapping[str, Any]) -> str:
    quoted = str(field["name"]).replace("`", "``")
    return f"`{quoted}`: {sql_type(field['type'])}"


def _interval(told: Mapping[str, Any]) -> str:
    start, end = told["start_unit"], told.get("end_unit")
    return f"interval {start}" if end in {None, start} else f"interval {start} to {end}"


def _string(told: Mapping[str, Any]) -> str:
    collation = told.get("collation", _PLAIN_COLLATION)
    return "string" if collation == _PLAIN_COLLATION else f"string collate {collation}"


def _permanent(rows: Iterable[Sequence[Any]]) -> list[str]:
    """The names of SHOW TABLES or SHOW VIEWS: (schema, name, is temporary, …)."""
    return [str(row[1]).lower() for row in rows if not row[2]]


def _properties(told: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(name): str(value) for name, value in (told or {}).items()}


_WRITTEN: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "array": lambda told: f"array<{sql_type(told['element_type'])}>",
    "map": lambda told: f"map<{sql_type(told['key_type'])}, {sql_type(told['value_type'])}>",
    "struct": lambda told: f"struct<{', '.join(map(_field, told['fields']))}>",
    "decimal": lambda told: f"decimal({told['precision']},{told['scale']})",
    "char": lambda told: f"char({told['length']})",
    "varchar": lambda told: f"varchar({told['length']})",
    "interval": _interval,
    "string": _string,
    "timestamp_ltz": lambda _: "timestamp",
}
