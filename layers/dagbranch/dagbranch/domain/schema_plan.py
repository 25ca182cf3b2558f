"""The statements that bring one schema of an environment from what stands there to what is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from dagbranch.domain import statements
from dagbranch.domain.masks import KEEP
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.seeds import UNSEEDED, Seed, columns_in, is_outdated, is_pending, note_of, seed_of
from dagbranch.domain.shown_columns import Knowledge, ShownColumns, shown_columns
from dagbranch.domain.specification_values import EVERYTHING
from dagbranch.domain.statements import VIEW_PROPERTY, Statement
from dagbranch.domain.wanted_data import WantedSchema
from dagbranch.domain.warehouse_state import FoundSchema, Kind, TableDetails


@dataclass(frozen=True)
class SchemaPlan:
    """``schemas`` first, ``comments`` last. With any of ``faults``, nothing is to be run.

    ``drift`` is a fault of the author's, or what the base has changed since.
    """

    schemas: tuple[Statement, ...]
    drops: tuple[Statement, ...]
    views: tuple[Statement, ...]
    tables: tuple[Statement, ...]
    comments: tuple[Statement, ...]
    seeds: tuple[Seed, ...]
    faults: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_schema(
    wanted: WantedSchema,
    owner: SchemaMarker,
    found: FoundSchema | None,
    knowledge: Knowledge,
    *,
    clones: bool,
    reset: bool,
) -> SchemaPlan:
    """``reset``: every table that stands is made anew."""
    shown = shown_columns(wanted, knowledge)
    unknown = tuple(shown.unknown())
    if unknown:
        return SchemaPlan((), (), (), (), (), (), faults=unknown)
    marker = replace(owner, source=wanted.pair.source, columns=shown.digests)
    before = (SchemaMarker.parse(found.comment) if found else None) or marker
    stands = found.tables if found else {}
    seeds = {seed.table: seed for seed in _wanted_seeds(wanted, shown, clones=clones)}
    dropped = dict(_dropped(wanted, stands, seeds, shown, reset=reset))
    kept = {name: kind for name, kind in stands.items() if name not in dropped}
    return SchemaPlan(
        schemas=_schemas(wanted.pair.target, found, before, marker),
        drops=tuple(_drop(f"{wanted.pair.target}.{name}", kind) for name, kind in dropped.items()),
        views=tuple(_views(wanted, kept, before, shown)),
        tables=tuple(_tables(wanted, kept, seeds)),
        # Last, so that a run that broke off before all views showed what is wanted is done again.
        comments=(statements.comment_on_schema(wanted.pair.target, marker),) if before != marker else (),
        seeds=tuple(_seeds(wanted, kept, seeds, shown)),
        faults=tuple(_told_conditions(wanted, kept, seeds, shown)),
        drift=tuple(shown.faults()),
        warnings=(*shown.warnings(), *_made_anew(wanted, dropped, reset=reset)),
    )


def _schemas(
    target: str, found: FoundSchema | None, before: SchemaMarker, marker: SchemaMarker
) -> tuple[Statement, ...]:
    """The schema, or the note of which views are about to change."""
    if found is None:
        return (statements.create_schema(target, marker),)
    unsure = before.unsure_of(marker)
    return (statements.comment_on_schema(target, unsure),) if unsure != before else ()


def _drop(name: str, kind: Kind) -> Statement:
    return statements.drop_view(name) if kind == "view" else statements.drop_table(name)


def _dropped(
    wanted: WantedSchema,
    stands: Mapping[str, Kind],
    seeds: Mapping[str, Seed],
    shown: ShownColumns,
    *,
    reset: bool,
) -> Iterator[tuple[str, Kind]]:
    """What stands as another kind than is wanted, what holds other rows, and what of ours is no longer declared."""
    for name, kind in sorted(stands.items()):
        declared, details = wanted.kind_of(name), shown.target(name)
        if name in wanted.lost and kind == "table":
            continue  # nothing could be made in its place
        if declared is None:
            goes = reset or _is_ours(details)
        elif kind == declared == "table":
            seed = seeds.get(f"{wanted.pair.target}.{name}")
            goes = reset or is_outdated(note_of(details), seed, wanted.masks.get(name, {}))
        else:
            goes = kind != declared
        if goes:
            yield name, kind


def _is_ours(details: TableDetails | None) -> bool:
    """Whether a table or view carries a note of ours; what has none was made by the pipeline."""
    return details is not None and (note_of(details) is not None or VIEW_PROPERTY in details.properties)


def _views(
    wanted: WantedSchema, stands: Mapping[str, Kind], before: SchemaMarker, shown: ShownColumns
) -> Iterator[Statement]:
    digests = shown.digests
    for name in wanted.views:
        view, source = f"{wanted.pair.target}.{name}", f"{wanted.pair.source}.{name}"
        replaced = name in stands
        is_as_wanted = before.source == wanted.pair.source and before.columns.get(name) == digests.get(name)
        if replaced and is_as_wanted and not shown.are_stale(name):
            continue
        if name not in shown.masked:
            yield statements.create_view(view, source, replace=replaced)
        elif shown.masked[name]:  # a table of which nothing may be seen has no view
            yield statements.create_masked_view(view, source, shown.masked[name], replace=replaced)


def _tables(wanted: WantedSchema, stands: Mapping[str, Kind], seeds: Mapping[str, Seed]) -> Iterator[Statement]:
    for name in wanted.tables:
        if name in stands or name in wanted.lost:
            continue
        table, source = f"{wanted.pair.target}.{name}", f"{wanted.pair.source}.{name}"
        seed = seeds.get(table)
        like = partial(statements.create_table_like, table, source, seed.pending_note if seed else UNSEEDED)
        if seed is not None and seed.is_cloned:
            yield statements.shallow_clone(table, source, seed.done_note, like)
        else:
            yield like()


def _wanted_seeds(wanted: WantedSchema, shown: ShownColumns, *, clones: bool) -> Iterator[Seed]:
    for name, written in wanted.tables.items():
        if written.seed is None or name in wanted.lost:
            continue
        masks, details = wanted.masks.get(name, {}), shown.source(name)
        yield seed_of(
            f"{wanted.pair.target}.{name}",
            f"{wanted.pair.source}.{name}",
            written.seed,
            shown.of_table(name),
            details,
            masks,
            # A protected table cannot be cloned (Databricks, "Row filters and column masks": limitations).
            is_cloned=clones and written.seed == EVERYTHING and not masks and not (details and details.is_protected),
        )


def _seeds(
    wanted: WantedSchema, stands: Mapping[str, Kind], seeds: Mapping[str, Seed], shown: ShownColumns
) -> Iterator[Seed]:
    """A table is seeded where its note says that this is still to be done, and so once."""
    for name in wanted.tables:
        seed = seeds.get(f"{wanted.pair.target}.{name}")
        if seed is not None and (name not in stands or is_pending(note_of(shown.target(name)))):
            yield seed


def _told_conditions(
    wanted: WantedSchema, stands: Mapping[str, Kind], seeds: Mapping[str, Seed], shown: ShownColumns
) -> Iterator[str]:
    """A condition on a column that is masked would tell what the mask hides."""
    for seed in _seeds(wanted, stands, seeds, shown):
        hidden = {column.name.lower() for column in seed.columns if column.mask != KEEP}
        if used := sorted(columns_in(seed.text) & hidden):
            key = f"{wanted.pair.key}.write.{seed.table.rpartition('.')[2]}.seed"
            yield f"{key}: {', '.join(used)} is masked: a condition on it would tell what the mask hides"


def _made_anew(wanted: WantedSchema, dropped: Mapping[str, Kind], *, reset: bool) -> Iterator[str]:
    for name, kind in dropped.items():
        if kind == "table" and wanted.kind_of(name) == "table" and not reset:
            yield f"{wanted.pair.target}.{name} is made anew: its seed was not done yet, or its masks are others now"
