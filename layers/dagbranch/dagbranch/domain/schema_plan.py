"""The statements that bring one schema of an environment from what stands there to what is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from dagbranch.domain import statements
from dagbranch.domain.data_specification import WrittenTable
from dagbranch.domain.masks import KEEP, Projected, check_masks, masked
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.seeds import PENDING, UNSEEDED, Seed, columns_in, done_note, note_of, seed_of
from dagbranch.domain.specification_values import EVERYTHING
from dagbranch.domain.statements import Statement
from dagbranch.domain.wanted_data import WantedSchema
from dagbranch.domain.warehouse_state import FoundSchema, TableDetails
from dagbranch.errors import InvalidPipelineError


@dataclass(frozen=True)
class Knowledge:
    """What was asked beside names: details by full name, and the columns of masked tables that were seen before."""

    details: Mapping[str, TableDetails] = field(default_factory=dict)
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class SchemaPlan:
    schemas: tuple[Statement, ...]
    drops: tuple[Statement, ...]
    views: tuple[Statement, ...]
    tables: tuple[Statement, ...]
    comments: tuple[Statement, ...]
    seeds: tuple[Seed, ...]
    held_back: Mapping[str, tuple[str, ...]]


def plan_schema(
    wanted: WantedSchema,
    owner: SchemaMarker,
    found: FoundSchema | None,
    knowledge: Knowledge,
    *,
    clones: bool,
    reset: bool,
) -> SchemaPlan:
    """``reset``: every table that stands is made anew. Raises InvalidPipelineError for masks that cannot be."""
    shown = _Columns(wanted, knowledge)
    marker = replace(owner, source=wanted.pair.source, columns=shown.digests)
    before = SchemaMarker.parse(found.comment) if found else marker
    stands = found or FoundSchema()
    kept = FoundSchema(None, {} if reset else stands.tables)
    return SchemaPlan(
        schemas=() if found else (statements.create_schema(wanted.pair.target, marker),),
        drops=tuple(_drops(wanted, stands, knowledge, reset=reset)),
        views=tuple(_views(wanted, stands, before, shown)),
        tables=(*_tables(wanted, kept, clones=clones), *_unseeded(wanted, kept, shown)),
        # Last, so that a run that broke off before all views showed the new source is done again.
        comments=(statements.comment_on_schema(wanted.pair.target, marker),) if before != marker else (),
        seeds=tuple(_seeds(wanted, kept, shown)),
        held_back=shown.held_back,
    )


class _Columns:
    """The columns of each table that has masks, as they are shown; the details of the base's tables."""

    def __init__(self, wanted: WantedSchema, knowledge: Knowledge) -> None:
        self._source, self._target = wanted.pair.source, wanted.pair.target
        self._knowledge = knowledge
        self._shown: dict[str, list[Projected]] = {}
        held: dict[str, tuple[str, ...]] = {}
        for table, masks in sorted(wanted.masks.items()):
            source, details = f"{self._source}.{table}", self.source(table)
            if details is None:
                continue
            columns = details.columns
            check_masks(f"{wanted.pair.key}.mask: {source}", columns, masks)
            self._shown[table], behind = masked(columns, masks, knowledge.columns.get(source, frozenset(columns)))
            if behind:
                held[source] = tuple(behind)
        self._masked = wanted.masks.keys()
        self.held_back: Mapping[str, tuple[str, ...]] = held
        self.digests = {
            table: hashlib.sha256(repr(columns).encode()).hexdigest()[:16]
            for table, columns in self._shown.items()
            if table in wanted.views
        }

    def source(self, table: str) -> TableDetails | None:
        return self._knowledge.details.get(f"{self._source}.{table}")

    def target(self, table: str) -> TableDetails | None:
        return self._knowledge.details.get(f"{self._target}.{table}")

    def of_view(self, table: str) -> list[Projected] | None:
        """None where all columns are shown."""
        return self._known(table)

    def of_table(self, table: str) -> list[Projected]:
        """Every column, those held back as null: a table has all columns of its like."""
        details = self.source(table)
        shown = {column.name: column for column in self._known(table) or ()}
        if details is None:
            return []
        if not shown:
            return [Projected(name) for name in details.columns]
        return [shown.get(name, Projected(name, kind, None)) for name, kind in details.columns.items()]

    def _known(self, table: str) -> list[Projected] | None:
        """What is masked and not known is never shown."""
        if table in self._masked and table not in self._shown:
            raise InvalidPipelineError(f"{self._source}.{table} has masks, and its columns are not known")
        return self._shown.get(table)

    def are_stale(self, table: str) -> bool:
        """Whether a view on all columns shows those of yesterday: only where the warehouse cannot follow."""
        view, source = self.target(table), self.source(table)
        return bool(view and source and not view.follows and view.columns != source.columns)


def _drops(wanted: WantedSchema, found: FoundSchema, knowledge: Knowledge, *, reset: bool) -> Iterator[Statement]:
    """What stands as another kind than is wanted, and what dagbranch made and is no longer declared."""
    for name, kind in sorted(found.tables.items()):
        declared, full = wanted.kind_of(name), f"{wanted.pair.target}.{name}"
        by_pipeline = declared is None and kind == "table" and note_of(knowledge.details.get(full)) is None
        if (reset and kind == "table") or (kind != declared and not by_pipeline):
            yield statements.drop_view(full) if kind == "view" else statements.drop_table(full)


def _views(
    wanted: WantedSchema, found: FoundSchema, before: SchemaMarker | None, shown: _Columns
) -> Iterator[Statement]:
    source_stands = before is not None and before.source == wanted.pair.source
    for name in wanted.views:
        view, source = f"{wanted.pair.target}.{name}", f"{wanted.pair.source}.{name}"
        is_there = found.tables.get(name) == "view"
        as_masked = before.columns.get(name) if before else None
        stands = is_there and source_stands and as_masked == shown.digests.get(name) and not shown.are_stale(name)
        if stands:
            continue
        columns = shown.of_view(name)
        if columns is None:
            yield statements.create_view(view, source, replace=is_there)
        else:
            yield statements.create_masked_view(view, source, columns, replace=is_there)


def _tables(wanted: WantedSchema, found: FoundSchema, *, clones: bool) -> Iterator[Statement]:
    for name, written in wanted.tables.items():
        if found.tables.get(name) == "table":
            continue
        table, source = f"{wanted.pair.target}.{name}", f"{wanted.pair.source}.{name}"
        like = partial(statements.create_table_like, table, source, PENDING if written.seed else UNSEEDED)
        if clones and written.seed == EVERYTHING and name not in wanted.masks:
            yield statements.shallow_clone(table, source, done_note(EVERYTHING), like)
        else:
            yield like()


def _unseeded(wanted: WantedSchema, found: FoundSchema, shown: _Columns) -> Iterator[Statement]:
    """A seed that is no longer wanted before it was done: a later one must not overwrite what the pipeline wrote."""
    for name, written in wanted.tables.items():
        if not written.seed and found.tables.get(name) == "table" and note_of(shown.target(name)) == PENDING:
            yield statements.set_seed_note(f"{wanted.pair.target}.{name}", UNSEEDED)


def _seeds(wanted: WantedSchema, found: FoundSchema, shown: _Columns) -> Iterator[Seed]:
    """A table is seeded where its note says that this is still to be done, and so once."""
    for name, written in wanted.tables.items():
        table, source = f"{wanted.pair.target}.{name}", f"{wanted.pair.source}.{name}"
        is_new = found.tables.get(name) != "table"
        if written.seed and (is_new or note_of(shown.target(name)) == PENDING):
            _check_condition(wanted, name, written, shown)
            yield seed_of(table, source, written.seed, shown.of_table(name), shown.source(name))


def _check_condition(wanted: WantedSchema, name: str, written: WrittenTable, shown: _Columns) -> None:
    """A condition on a column that is masked would tell what the mask hides."""
    hidden = {column.name.lower() for column in shown.of_table(name) if column.mask != KEEP}
    if used := sorted(columns_in(written.seed or EVERYTHING) & hidden):
        raise InvalidPipelineError(
            f"{wanted.pair.key}.write.{name}.seed: {', '.join(used)} is masked: a condition would tell what it hides"
        )
