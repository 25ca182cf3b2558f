"""The base as a file tells it, or as the specification implies it: for plans where there is no warehouse to ask."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dagbranch.domain.data_plan import masked_sources
from dagbranch.domain.data_specification import DataSpecification, SchemaSpecification
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.wanted_data import WantedSchema
from dagbranch.domain.warehouse_state import FoundSchema, Kind, TableDetails
from dagbranch.errors import InvalidPipelineError, SourceError

_FORM = '{"db_attribution_test": {"m_events": "table", "v_costs": "view"}}'
_LONG_FORM = '{"kind": "table", "columns": {"email": "string"}, "partition_columns": []}'


@dataclass(frozen=True)
class DeclaredBase:
    """Schemas by full name; details by table, of those whose columns were told."""

    schemas: Mapping[str, FoundSchema]
    details: Mapping[str, TableDetails] = field(default_factory=dict)

    def check_columns(self, wanted: Iterable[WantedSchema]) -> None:
        """Raises InvalidPipelineError for tables that have masks, where their columns were not told."""
        missing = sorted(masked_sources(wanted) - self.details.keys())
        if missing:
            raise InvalidPipelineError(
                f"{', '.join(missing)}: masks need the columns: tell them in the base (--base FILE): "
                f'{{"{missing[0].rpartition(".")[0]}": {{"{missing[0].rpartition(".")[2]}": {_LONG_FORM}}}}}'
            )


def parse_base(text: str | bytes) -> DeclaredBase:
    """The base from JSON such as ``{"db_attribution_test": {"m_events": "table"}}``. Raises SourceError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the base is no valid JSON: {error}") from error
    if not isinstance(found, Mapping) or not all(isinstance(tables, Mapping) for tables in found.values()):
        raise SourceError(f"the base is expected as {_FORM}")
    schemas: dict[str, FoundSchema] = {}
    details: dict[str, TableDetails] = {}
    for schema, tables in found.items():
        schemas[schema.lower()] = FoundSchema(
            None, {name.lower(): _kind(f"{schema}.{name}", told) for name, told in tables.items()}
        )
        details |= {
            f"{schema}.{name}".lower(): _details(f"{schema}.{name}", told)
            for name, told in tables.items()
            if isinstance(told, Mapping) and "columns" in told
        }
    return DeclaredBase(schemas, details)


def _kind(table: str, told: Any) -> Kind:
    match told.get("kind") if isinstance(told, Mapping) else told:
        case "table" | "view" as kind:
            return kind  # type: ignore[no-any-return]  # mypy does not see that a literal pattern is one of the two
    raise _unexpected(table)


def _details(table: str, told: Mapping[str, Any]) -> TableDetails:
    match dict(told):
        case {"kind": str(), "columns": dict(columns), **rest} if _are_texts(columns.values()):
            partitions = rest.pop("partition_columns", [])
            if not rest and isinstance(partitions, list) and all(one in list(columns) for one in partitions):
                return TableDetails(columns, tuple(partitions))
    raise _unexpected(table)


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _unexpected(table: str) -> SourceError:
    return SourceError(f'the base\'s table {table}: expected "table", "view", or {_LONG_FORM}')


def implied_base(specification: DataSpecification, pairs: tuple[SchemaPair, ...]) -> DeclaredBase:
    """A base with just what is declared by name. Raises InvalidPipelineError where patterns ask for more."""
    patterns = [
        f"data.schemas.{declared}.read: {pattern}"
        for declared, schema in specification.schemas.items()
        for pattern in schema.read
        if "*" in pattern
    ]
    if patterns:
        raise InvalidPipelineError(
            f"what patterns stand for is known from the base alone (--base FILE): {', '.join(patterns)}"
        )
    return DeclaredBase(
        {pair.source: FoundSchema(None, _named(specification.schemas[pair.declared])) for pair in pairs}
    )


def _named(schema: SchemaSpecification) -> dict[str, Kind]:
    return {name.lower(): "table" for name in (*schema.read, *schema.write)}
