"""The pure decision of the warehouse: what is declared, what the base has and what exists become ordered statements.

What is read is a view, what is written a table of the environment's own. A second plan after the first is empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final, Literal

from dagbranch.domain import naming, statements
from dagbranch.domain.fence import Fence
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.specification import EVERYTHING, DataSpecification, SchemaSpecification, WrittenTable
from dagbranch.domain.statements import Statement
from dagbranch.errors import InvalidPipelineError, NotOursError

type Kind = Literal["table", "view"]
type Base = Mapping[str, Mapping[str, Kind]]

# The states of a table's seed, noted as its property. A table without a note was made by the pipeline itself.
UNSEEDED: Final = "none"
PENDING: Final = "pending"
_DONE: Final = "done"


@dataclass(frozen=True)
class ExistingSchema:
    """A schema as the warehouse has it: its comment, what is in it, and the seed notes of its tables."""

    comment: str | None
    tables: Mapping[str, Kind] = field(default_factory=dict)
    seeds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seed:
    """What fills one table and then notes that it is filled: in this order, beside the seeds of other tables."""

    table: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class SchemaPair:
    """One declared schema: where its data comes from and where the environment has its own, as full names."""

    declared: str
    source: str
    target: str


@dataclass(frozen=True)
class DataPlan:
    """``schemas`` tells what code is told: ``db_attribution`` is ``db_attribution_feature1`` here."""

    statements: tuple[Statement, ...]
    seeds: tuple[Seed, ...]
    fence: Fence
    schemas: Mapping[str, str]
    targets: tuple[str, ...]

    def everything(self) -> tuple[Statement, ...]:
        """All statements in an order in which they can run one after the other."""
        return (*self.statements, *(statement for seed in self.seeds for statement in seed.statements))


@dataclass(frozen=True)
class RemovalPlan:
    """What drops an environment's schemas, and which of those asked for are ``not_ours`` and stay."""

    statements: tuple[Statement, ...]
    fence: Fence
    not_ours: tuple[str, ...]


def schema_pairs(specification: DataSpecification, environment: str, table_suffix: str) -> tuple[SchemaPair, ...]:
    """The schemas to ask for. Raises InvalidPipelineError where a target is a source as well."""
    pairs = tuple(
        SchemaPair(
            declared,
            _full(schema.catalog, declared + specification.source_suffix),
            _full(schema.catalog, naming.schema_name(declared, environment, table_suffix)),
        )
        for declared, schema in specification.schemas.items()
    )
    sources = {pair.source for pair in pairs}
    for pair in pairs:
        if pair.target in sources:
            raise InvalidPipelineError(
                f"{_key(pair)}: the environment {environment} would write to {pair.target}, a source of the data"
            )
    return pairs


def plan_data_environment(
    specification: DataSpecification,
    *,
    environment: str,
    repository: str,
    pull_number: int,
    table_suffix: str,
    base: Base,
    existing: Mapping[str, ExistingSchema],
) -> DataPlan:
    """What makes the data environment as declared, from whatever stands there; nothing where it stands already.

    ``base`` has the kinds of the source schemas' tables, ``existing`` the environment's own schemas: those of
    ``schema_pairs`` and those of earlier commits, which are dropped when they are no longer declared.
    Raises InvalidPipelineError where the base lacks what is declared, NotOursError where a schema is another's.
    """
    owner = SchemaMarker(environment, repository, pull_number)
    pairs = schema_pairs(specification, environment, table_suffix)
    stale = _stale_schemas(pairs, existing, owner)
    _check_ownership(pairs, existing, owner)
    _check_base(specification, pairs, base)
    wanted = [_wanted(pair, specification.schemas[pair.declared], base[pair.source]) for pair in pairs]
    plans = [_plan_schema(schema, owner, existing.get(schema.pair.target)) for schema in wanted]
    return DataPlan(
        statements=(
            *(statement for plan in plans for statement in plan.schemas),
            *(statements.drop_schema(schema) for schema in stale),
            *(statement for plan in plans for statement in plan.drops),
            *(statement for plan in plans for statement in plan.views),
            *(statement for plan in plans for statement in plan.tables),
            *(statement for plan in plans for statement in plan.comments),
        ),
        seeds=tuple(seed for plan in plans for seed in plan.seeds),
        fence=Fence(owner, frozenset({*(p.target for p in pairs), *stale}), frozenset(p.source for p in pairs)),
        schemas={pair.declared: naming.schema_name(pair.declared, environment, table_suffix) for pair in pairs},
        targets=tuple(pair.target for pair in pairs),
    )


def plan_removal(
    existing: Mapping[str, ExistingSchema], *, environment: str, repository: str, pull_number: int
) -> RemovalPlan:
    """Drops, of the schemas asked for, those that carry this environment's marker, and no other."""
    owner = SchemaMarker(environment, repository, pull_number)
    ours = tuple(sorted(name for name, schema in existing.items() if _is_ours(schema, owner)))
    return RemovalPlan(
        tuple(statements.drop_schema(schema) for schema in ours),
        Fence(owner, frozenset(ours), frozenset()),
        tuple(sorted(set(existing) - set(ours))),
    )


@dataclass(frozen=True)
class _WantedSchema:
    pair: SchemaPair
    views: tuple[str, ...]
    tables: Mapping[str, WrittenTable]

    def kind_of(self, name: str) -> Kind | None:
        if name in self.tables:
            return "table"
        return "view" if name in self.views else None


@dataclass(frozen=True)
class _SchemaPlan:
    schemas: tuple[Statement, ...]
    drops: tuple[Statement, ...]
    views: tuple[Statement, ...]
    tables: tuple[Statement, ...]
    comments: tuple[Statement, ...]
    seeds: tuple[Seed, ...]


def _wanted(pair: SchemaPair, schema: SchemaSpecification, base: Mapping[str, Kind]) -> _WantedSchema:
    tables = {name.lower(): written for name, written in sorted(schema.write.items())}
    patterns = [pattern.lower() for pattern in schema.read]
    views = {name for name in base if any(fnmatchcase(name, pattern) for pattern in patterns)}
    return _WantedSchema(pair, tuple(sorted(views - set(tables))), tables)


def _check_base(specification: DataSpecification, pairs: tuple[SchemaPair, ...], base: Base) -> None:
    faults = [fault for pair in pairs for fault in _base_faults(pair, specification.schemas[pair.declared], base)]
    if faults:
        raise InvalidPipelineError("\n".join(faults))


def _base_faults(pair: SchemaPair, schema: SchemaSpecification, base: Base) -> Iterator[str]:
    tables = base.get(pair.source)
    if tables is None:
        yield f"{_key(pair)}: the base has no schema {pair.source}"
        return
    for written in schema.write:
        kind = tables.get(written.lower())
        if kind != "table":
            found = f"{pair.source}.{written.lower()} is a view" if kind else f"{pair.source} has no {written.lower()}"
            yield f"{_key(pair)}.write.{written}: {found}: a written table is made like a table of the base"
    for pattern in schema.read:
        if pattern != "*" and not any(fnmatchcase(name, pattern.lower()) for name in tables):
            yield f"{_key(pair)}.read: {pair.source} has no {pattern}"


def _check_ownership(
    pairs: tuple[SchemaPair, ...], existing: Mapping[str, ExistingSchema], owner: SchemaMarker
) -> None:
    for pair in pairs:
        schema = existing.get(pair.target)
        if schema is not None and not _is_ours(schema, owner):
            marker = SchemaMarker.parse(schema.comment)
            whose = f"{marker.repository}, pull request {marker.pull_number}" if marker else "nobody's by its comment"
            raise NotOursError(f"the schema {pair.target} exists and is not this environment's ({whose}): left alone")


def _is_ours(schema: ExistingSchema, owner: SchemaMarker) -> bool:
    return owner.same_owner(SchemaMarker.parse(schema.comment))


def _stale_schemas(
    pairs: tuple[SchemaPair, ...], existing: Mapping[str, ExistingSchema], owner: SchemaMarker
) -> tuple[str, ...]:
    """What an earlier commit declared. A schema that is anybody's source is never among them."""
    declared = {name for pair in pairs for name in (pair.target, pair.source)}
    return tuple(sorted(name for name in existing if name not in declared and _is_ours(existing[name], owner)))


def _plan_schema(wanted: _WantedSchema, owner: SchemaMarker, existing: ExistingSchema | None) -> _SchemaPlan:
    marker = replace(owner, source=wanted.pair.source)
    found = existing or ExistingSchema(str(marker))
    moved = SchemaMarker.parse(found.comment) != marker
    target, source = wanted.pair.target, wanted.pair.source
    return _SchemaPlan(
        schemas=() if existing else (statements.create_schema(target, marker),),
        drops=tuple(_drops(wanted, found)),
        views=tuple(
            statements.create_view(f"{target}.{name}", f"{source}.{name}", replace=found.tables.get(name) == "view")
            for name in wanted.views
            if moved or found.tables.get(name) != "view"
        ),
        tables=tuple(
            statements.create_table_like(f"{target}.{name}", f"{source}.{name}", PENDING if table.seed else UNSEEDED)
            for name, table in wanted.tables.items()
            if found.tables.get(name) != "table"
        ),
        # Last, so that a run that broke off before all views showed the new source is done again.
        comments=(statements.comment_on_schema(target, marker),) if moved else (),
        seeds=tuple(_seeds(wanted, found)),
    )


def _drops(wanted: _WantedSchema, found: ExistingSchema) -> Iterator[Statement]:
    """What stands as another kind than is declared, and what dagbranch made and is no longer declared."""
    for name, kind in sorted(found.tables.items()):
        declared = wanted.kind_of(name)
        made_by_pipeline = declared is None and kind == "table" and name not in found.seeds
        if kind != declared and not made_by_pipeline:
            drop = statements.drop_view if kind == "view" else statements.drop_table
            yield drop(f"{wanted.pair.target}.{name}")


def _seeds(wanted: _WantedSchema, found: ExistingSchema) -> Iterator[Seed]:
    """A table is seeded where its note says that this is still to be done, and so once."""
    for name, written in wanted.tables.items():
        table = f"{wanted.pair.target}.{name}"
        is_new = found.tables.get(name) != "table"
        if written.seed and (is_new or found.seeds.get(name) == PENDING):
            yield _seed(table, f"{wanted.pair.source}.{name}", written.seed)
        elif not is_new and found.seeds.get(name) == PENDING:
            yield Seed(table, (statements.set_seed_note(table, UNSEEDED),))


def _seed(table: str, source: str, seed: str) -> Seed:
    predicate = None if seed == EVERYTHING else parse_predicate(seed)
    note = f"{_DONE} {hashlib.sha256(seed.encode()).hexdigest()[:16]}"
    return Seed(table, (statements.insert_overwrite(table, source, predicate), statements.set_seed_note(table, note)))


def _full(catalog: str | None, schema: str) -> str:
    return f"{catalog}.{schema}".lower() if catalog else schema.lower()


def _key(pair: SchemaPair) -> str:
    return f"{PIPELINE_FILE}: data.schemas.{pair.declared}"
