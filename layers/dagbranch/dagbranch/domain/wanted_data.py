"""What each schema of an environment is to hold: the specification, held against the base, the SQL and the guard."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.data_specification import DataSpecification, SchemaSpecification, WrittenTable
from dagbranch.domain.declared_uses import DeclaredUses, warnings_about_uses
from dagbranch.domain.masks import Masks
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.source_allowance import SourceAllowance
from dagbranch.domain.warehouse_state import FoundSchema, Kind
from dagbranch.errors import InvalidPipelineError


@dataclass(frozen=True)
class WantedSchema:
    """Views and tables by name; ``masks`` by table, of those that have any."""

    pair: SchemaPair
    views: tuple[str, ...]
    tables: Mapping[str, WrittenTable]
    masks: Mapping[str, Masks] = field(default_factory=dict)

    def kind_of(self, name: str) -> Kind | None:
        if name in self.tables:
            return "table"
        return "view" if name in self.views else None


@dataclass(frozen=True)
class Judgement:
    """By what a specification is judged: the default branch, the stack, and the SQL where it is to be read.

    ``lenient``: what the base has lost since is left out with a warning, not an error.
    """

    guard: DataGuard = field(default_factory=DataGuard)
    allowed: SourceAllowance = field(default_factory=SourceAllowance.anything)
    uses: DeclaredUses | None = None
    lenient: bool = False


def wanted_data(
    specification: DataSpecification,
    pairs: tuple[SchemaPair, ...],
    found: Mapping[str, FoundSchema],
    judgement: Judgement,
) -> tuple[list[WantedSchema], list[str]]:
    """The schemas, and warnings for the author. Raises InvalidPipelineError with every fault."""
    faults: list[str] = []
    warnings: list[str] = []
    wanted = []
    for pair in pairs:
        schema = _with_uses(specification, pair, found, judgement)
        missing = list(_missing(pair, schema, found))
        (warnings if judgement.lenient else faults).extend(missing)
        faults += [] if judgement.lenient else _written_views(pair, schema, found)
        faults += _contradictions(pair, schema, judgement)
        tables = found[pair.source].tables if pair.source in found else {}
        masks, refused = judgement.guard.masks_of(pair, schema.mask, judgement.allowed)
        warnings += refused
        faults += _idle_masks(pair, schema, tables) if tables else []
        wanted.append(_wanted(pair, schema, tables, masks))
    if faults:
        raise InvalidPipelineError("\n".join(faults))
    if judgement.uses is not None and specification.detect != "never":
        warnings += warnings_about_uses(judgement.uses, pairs, wanted_tables(wanted), found)
    return wanted, warnings


def wanted_tables(wanted: Collection[WantedSchema]) -> dict[str, frozenset[str]]:
    """The names of views and tables by declared schema."""
    return {schema.pair.declared: frozenset({*schema.views, *schema.tables}) for schema in wanted}


def _with_uses(
    specification: DataSpecification, pair: SchemaPair, found: Mapping[str, FoundSchema], judgement: Judgement
) -> SchemaSpecification:
    """The schema with what the SQL uses, where that is asked for; what the file names counts before it."""
    schema = specification.schemas[pair.declared]
    if judgement.uses is None or specification.detect != "auto":
        return schema
    tables = found[pair.source].tables if pair.source in found else {}
    named = {name.lower() for name in schema.write} | {name.lower() for name in schema.read if "*" not in name}
    # What the base has not is the pipeline's own: it makes it.
    written = [name for name in judgement.uses.written_in(pair) if name not in named and name in tables]
    read = [name for name in judgement.uses.read_in(pair) if name not in named and name in tables]
    return schema.model_copy(
        update={
            "write": {**schema.write, **dict.fromkeys(written, WrittenTable())},
            "read": (*schema.read, *read),
        }
    )


def _wanted(
    pair: SchemaPair, schema: SchemaSpecification, base: Mapping[str, Kind], masks: Mapping[str, Masks]
) -> WantedSchema:
    tables = {name.lower(): written for name, written in sorted(schema.write.items())}
    patterns = [pattern.lower() for pattern in schema.read]
    views = {name for name in base if any(fnmatchcase(name, pattern) for pattern in patterns)} - set(tables)
    kept = {table: found for table, found in masks.items() if found and (table in views or table in tables)}
    return WantedSchema(pair, tuple(sorted(views)), tables, kept)


def _missing(pair: SchemaPair, schema: SchemaSpecification, found: Mapping[str, FoundSchema]) -> Iterator[str]:
    if pair.source not in found:
        yield f"{pair.key}: the base has no schema {pair.source}"
        return
    tables = found[pair.source].tables
    for written in schema.write:
        if written.lower() not in tables:
            yield f"{pair.key}.write.{written}: {pair.source} has no {written.lower()}: {_LIKE_THE_BASE}"
    for pattern in schema.read:
        if pattern != "*" and not any(fnmatchcase(name, pattern.lower()) for name in tables):
            yield f"{pair.key}.read: {pair.source} has no {pattern}"


def _written_views(pair: SchemaPair, schema: SchemaSpecification, found: Mapping[str, FoundSchema]) -> list[str]:
    tables = found[pair.source].tables if pair.source in found else {}
    return [
        f"{pair.key}.write.{written}: {pair.source}.{written.lower()} is a view: {_LIKE_THE_BASE}"
        for written in schema.write
        if tables.get(written.lower()) == "view"
    ]


_LIKE_THE_BASE = "a written table is made like a table of the base"


def _contradictions(pair: SchemaPair, schema: SchemaSpecification, judgement: Judgement) -> Iterator[str]:
    """What the SQL writes though the file names it as read: the view would refuse it, hours later."""
    if judgement.uses is None:
        return
    named = {name.lower() for name in schema.read if "*" not in name} - {name.lower() for name in schema.write}
    for name, places in judgement.uses.written_in(pair).items():
        if name in named:
            yield f"{pair.key}.read: {name} is written at {places[0]}: name it under write"


def _idle_masks(pair: SchemaPair, schema: SchemaSpecification, base: Mapping[str, Kind]) -> list[str]:
    return [
        f"{pair.key}.mask.{table}: {pair.source} has no {table}" for table in schema.mask if table.lower() not in base
    ]
