"""Which schemas an environment has, and which of the base they are made from: full names, lower case."""

from __future__ import annotations

from dataclasses import dataclass

from dagbranch.domain import naming
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.source_allowance import SourceAllowance
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.errors import InvalidPipelineError


@dataclass(frozen=True)
class SchemaPair:
    """One declared schema: where its data comes from and where the environment has its own, as full names."""

    declared: str
    source: str
    target: str

    @property
    def key(self) -> str:
        """Where a person finds it."""
        return f"{PIPELINE_FILE}: data.schemas.{self.declared}"


def schema_pairs(specification: DataSpecification, environment: str, table_suffix: str) -> tuple[SchemaPair, ...]:
    """The schemas to ask for. Raises InvalidPipelineError where a target is a source as well."""
    pairs = tuple(
        SchemaPair(
            declared,
            source_name(specification, declared),
            _full(schema.catalog, naming.schema_name(declared, environment, table_suffix)),
        )
        for declared, schema in specification.schemas.items()
    )
    sources = {pair.source for pair in pairs}
    for pair in pairs:
        if pair.target in sources:
            raise InvalidPipelineError(
                f"{pair.key}: the environment {environment} would write to {pair.target}, a source of the data"
            )
    return pairs


def source_name(specification: DataSpecification, declared: str) -> str:
    """The full name of the base's schema."""
    return _full(specification.schemas[declared].catalog, declared + specification.source_suffix)


def check_allowed(pairs: tuple[SchemaPair, ...], allowed: SourceAllowance) -> None:
    """Raises InvalidPipelineError for sources that the stack does not let this repository read."""
    faults = []
    for pair in pairs:
        catalog, _, schema = pair.source.rpartition(".")
        if not allowed.permits_catalog(catalog):
            faults.append(f"{pair.key}.catalog: {catalog}: expected {_listed(allowed.catalogs)}")
        if not allowed.permits_name(schema):
            faults.append(f"{pair.key}: reads {schema}: source_suffix: expected {_listed(allowed.suffixes)}")
    if faults:
        faults.append("(the stack's parameters ReadableCatalogs and ReadableSourceSuffixes say what may be read)")
        raise InvalidPipelineError("\n".join(faults))


def _full(catalog: str | None, schema: str) -> str:
    return f"{catalog}.{schema}".lower() if catalog else schema.lower()


def _listed(names: frozenset[str]) -> str:
    return " or ".join(sorted(names)) or "none"
