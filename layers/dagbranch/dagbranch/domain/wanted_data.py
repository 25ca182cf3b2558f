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
from dagbranch.domain.statements import is_name
from dagbranch.domain.warehouse_state import FoundSchema, Kind
from dagbranch.errors import InvalidPipelineError


@dataclass(frozen=True)
class WantedSchema:
    """Views and tables by name; ``masks`` by table, of those that have any; ``own_masks``: columns the file names.

    ``decided``: by table that the default branch has masks of, the columns that it names. ``lost``: tables that can be
    made like nothing in the base any more, and stay as they are.
    """

    pair: SchemaPair
    views: tuple[str, ...]
    tables: Mapping[str, WrittenTable]
    masks: Mapping[str, Masks] = field(default_factory=dict)
    own_masks: Mapping[str, Collection[str]] = field(default_factory=dict)
    decided: Mapping[str, Collection[str]] = field(default_factory=dict)
    lost: Collection[str] = ()

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
    uses = judgement.uses if specification.detect != "never" else None
    for pair in pairs:
        base = found[pair.source].tables if pair.source in found else {}
        declared = specification.schemas[pair.declared]
        schema = _with_uses(pair, declared, base, uses) if uses and specification.detect == "auto" else declared
        drift = list(_drift(pair, schema, found))
        (warnings if judgement.lenient else faults).extend(drift)
        faults += _contradictions(pair, schema, base, uses, specification.detect) if uses else ()
        masks, refused = judgement.guard.masks_of(pair, schema.mask, judgement.allowed)
        warnings += refused
        left_out = uses.written_in(pair).keys() if uses and specification.detect == "auto" else ()
        views, unfit = _views(pair, schema, base, left_out)
        warnings += unfit
        decided = judgement.guard.demanded(pair, judgement.allowed)
        wanted.append(_wanted(pair, schema, base, views, masks, decided))
    if faults:
        raise InvalidPipelineError("\n".join(faults))
    if uses:
        warnings += warnings_about_uses(uses, pairs, wanted_tables(wanted), found)
    return wanted, warnings


def wanted_tables(wanted: Collection[WantedSchema]) -> dict[str, frozenset[str]]:
    """The names of views and tables by declared schema."""
    return {schema.pair.declared: frozenset({*schema.views, *schema.tables}) for schema in wanted}


def _with_uses(
    pair: SchemaPair, schema: SchemaSpecification, base: Mapping[str, Kind], uses: DeclaredUses
) -> SchemaSpecification:
    """The schema with what the SQL uses; what the file names counts before it."""
    named = {name.lower() for name in (*schema.write, *schema.read) if "*" not in name}
    writes = uses.written_in(pair)
    # What the base has not, or has as a view, is the pipeline's own: it makes it.
    written = [name for name in writes if name not in named and base.get(name) == "table"]
    read = [name for name in uses.read_in(pair) if name not in named and name in base and name not in writes]
    return schema.model_copy(
        update={
            "write": {**schema.write, **dict.fromkeys(written, WrittenTable())},
            "read": (*schema.read, *read),
        }
    )


def _views(
    pair: SchemaPair, schema: SchemaSpecification, base: Mapping[str, Kind], left_out: Collection[str]
) -> tuple[set[str], list[str]]:
    """Which tables of the base are shown, and warnings about those that cannot be. ``left_out``: of patterns."""
    named = {name.lower() for name in schema.read if "*" not in name}
    patterns = [pattern.lower() for pattern in schema.read if "*" in pattern]
    matched = {name for name in base if any(fnmatchcase(name, pattern) for pattern in patterns)} - set(left_out)
    unfit = sorted(name for name in matched if not is_name(name))
    shown = (matched - set(unfit)) | (named & base.keys())
    warnings = [f"{pair.key}.read: {pair.source} has {name!r}, an unsupported name: left out" for name in unfit]
    return shown - {name.lower() for name in schema.write}, warnings


def _wanted(
    pair: SchemaPair,
    schema: SchemaSpecification,
    base: Mapping[str, Kind],
    views: Collection[str],
    masks: Mapping[str, Masks],
    decided: Mapping[str, Collection[str]],
) -> WantedSchema:
    tables = {name.lower(): written for name, written in sorted(schema.write.items())}
    return WantedSchema(
        pair,
        tuple(sorted(views)),
        tables,
        masks={table: found for table, found in masks.items() if found and (table in views or table in tables)},
        own_masks={table.lower(): {column.lower() for column in columns} for table, columns in schema.mask.items()},
        decided=decided,
        lost=frozenset(name for name in tables if base.get(name) != "table"),
    )


def _drift(pair: SchemaPair, schema: SchemaSpecification, found: Mapping[str, FoundSchema]) -> Iterator[str]:
    """What is declared and the base has not, or not so."""
    if pair.source not in found:
        yield f"{pair.key}: the base has no schema {pair.source}"
        return
    base = found[pair.source].tables
    for written in schema.write:
        kind = base.get(written.lower())
        if kind != "table":
            has = f"has no {written.lower()}" if kind is None else f"has {written.lower()} as a view"
            yield f"{pair.key}.write.{written}: {pair.source} {has}: {_LIKE_THE_BASE}"
    for pattern in schema.read:
        if pattern != "*" and not any(fnmatchcase(name, pattern.lower()) for name in base):
            yield f"{pair.key}.read: {pair.source} has no {pattern}"
    for table in schema.mask:
        if table.lower() not in base:
            yield f"{pair.key}.mask.{table}: {pair.source} has no {table.lower()}"


_LIKE_THE_BASE = "a written table is made like a table of the base; what the pipeline makes itself is not declared"


def _contradictions(
    pair: SchemaPair, schema: SchemaSpecification, base: Mapping[str, Kind], uses: DeclaredUses, detect: str
) -> Iterator[str]:
    """What the SQL writes though the file has it as read: the view would refuse it, hours later."""
    tables = {name.lower() for name in schema.write}
    # With `auto`, patterns leave out what the SQL writes.
    read = [each for each in schema.read if detect != "auto" or "*" not in each]
    for name, places in uses.written_in(pair).items():
        pattern = next((each for each in read if fnmatchcase(name, each.lower())), None)
        if pattern is not None and name not in tables and (name in base or "*" not in pattern):
            is_view = base.get(name) == "view"
            remedy = "set data.detect: auto, which leaves it to the pipeline" if is_view else "name it under write"
            yield f"{pair.key}.read: {pattern} makes {name} a view, and {places[0]} writes to it: {remedy}"
