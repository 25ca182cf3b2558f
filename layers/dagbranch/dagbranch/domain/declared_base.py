"""The base as a file tells it, or as the specification implies it: for plans where there is no warehouse to ask."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dagbranch.domain.data_specification import DataSpecification, SchemaSpecification
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.warehouse_state import FoundSchema, Kind
from dagbranch.errors import InvalidPipelineError, SourceError

_FORM = '{"db_attribution_test": {"m_events": "table", "v_costs": "view"}}'


def parse_base(text: str | bytes) -> dict[str, FoundSchema]:
    """The base from JSON such as ``{"db_attribution_test": {"m_events": "table"}}``. Raises SourceError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the base is no valid JSON: {error}") from error
    if not isinstance(found, Mapping):
        raise SourceError(f"the base is expected as {_FORM}")
    return {str(schema).lower(): FoundSchema(None, _kinds(schema, tables)) for schema, tables in found.items()}


def _kinds(schema: str, tables: Any) -> dict[str, Kind]:
    if not isinstance(tables, Mapping) or not all(kind in ("table", "view") for kind in tables.values()):
        raise SourceError(f'the base\'s schema {schema}: expected its tables, each "table" or "view", as in {_FORM}')
    return {str(table).lower(): kind for table, kind in tables.items()}


def implied_base(specification: DataSpecification, pairs: tuple[SchemaPair, ...]) -> dict[str, FoundSchema]:
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
    return {pair.source: FoundSchema(None, _named(specification.schemas[pair.declared])) for pair in pairs}


def _named(schema: SchemaSpecification) -> dict[str, Kind]:
    return {name.lower(): "table" for name in (*schema.read, *schema.write)}
