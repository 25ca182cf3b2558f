"""Which columns the views and seeds of one schema show, and how: the base's tables held against their masks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dagbranch.domain.masks import Projected, mask_faults, masked
from dagbranch.domain.wanted_data import WantedSchema
from dagbranch.domain.warehouse_state import TableDetails

_DIGEST_LENGTH = 8  # one for each masked view, in the comment of their schema


@dataclass(frozen=True)
class Knowledge:
    """What was asked beside names: details by full name, and the columns of masked tables that were seen before."""

    details: Mapping[str, TableDetails] = field(default_factory=dict)
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ShownColumns:
    """``masked``: the columns shown of each table that has masks, ``held_back``: those that nobody decided on yet."""

    wanted: WantedSchema
    knowledge: Knowledge
    masked: Mapping[str, tuple[Projected, ...]]
    held_back: Mapping[str, tuple[str, ...]]

    def source(self, table: str) -> TableDetails | None:
        return self.knowledge.details.get(f"{self.wanted.pair.source}.{table}")

    def target(self, table: str) -> TableDetails | None:
        return self.knowledge.details.get(f"{self.wanted.pair.target}.{table}")

    def of_table(self, table: str) -> list[Projected]:
        """Every column, those held back as null: a table has all columns of its like. None where they are not known."""
        details = self.source(table)
        if details is None:
            return []
        if table not in self.wanted.masks:
            return [Projected(name, kind) for name, kind in details.columns.items()]
        shown = {column.name: column for column in self.masked[table]}
        return [shown.get(name, Projected(name, kind, None)) for name, kind in details.columns.items()]

    def are_stale(self, view: str) -> bool:
        """Whether a view on all columns shows those of yesterday: only where the warehouse cannot follow."""
        shows, has = self.target(view), self.source(view)
        return bool(shows and has and not shows.follows and shows.columns != has.columns)

    @property
    def digests(self) -> dict[str, str]:
        """By masked view, what it is made of."""
        return {
            view: hashlib.sha256(repr(columns).encode()).hexdigest()[:_DIGEST_LENGTH]
            for view, columns in self.masked.items()
            if view in self.wanted.views
        }

    def faults(self) -> Iterator[str]:
        """What is wrong with the masks that the file itself gives."""
        for table, faults in self._mask_faults():
            for column, fault in faults.items():
                if column in self.wanted.own_masks.get(table, ()):
                    yield f"{self.wanted.pair.key}.mask.{table}.{column}: {self._source_name(table)}: {fault}"

    def warnings(self) -> Iterator[str]:
        """Of the default branch's masks, those that nothing can be hidden by; what is held back."""
        for table, faults in self._mask_faults():
            for column, fault in faults.items():
                if column not in self.wanted.own_masks.get(table, ()):
                    yield f"the default branch's mask of {self._source_name(table)}.{column} does not fit: {fault}"
        for table, columns in self.held_back.items():
            yield (
                f"{self._source_name(table)} has new columns, held back because the table has masks: "
                f"{', '.join(columns)}: name each under {self.wanted.pair.key}.mask.{table} (keep shows it), "
                "on the default branch where that has masks of the table"
            )

    def unknown(self) -> Iterator[str]:
        """What is masked, and so not shown before its columns are known."""
        for table in self.wanted.masks:
            if table not in self.masked:
                yield f"{self.wanted.pair.key}.mask.{table}: the columns of {self._source_name(table)} are not known"

    def _mask_faults(self) -> Iterator[tuple[str, dict[str, str]]]:
        for table in self.masked:
            details = self.source(table)
            yield table, mask_faults(details.columns if details else {}, self.wanted.masks[table])

    def _source_name(self, table: str) -> str:
        return f"{self.wanted.pair.source}.{table}"


def shown_columns(wanted: WantedSchema, knowledge: Knowledge) -> ShownColumns:
    shown: dict[str, tuple[Projected, ...]] = {}
    held: dict[str, tuple[str, ...]] = {}
    for table, masks in sorted(wanted.masks.items()):
        source = f"{wanted.pair.source}.{table}"
        if source not in knowledge.details:
            continue
        columns = knowledge.details[source].columns
        known = knowledge.columns.get(source, frozenset(columns))
        visible, behind = masked(columns, masks, known, wanted.decided.get(table))
        shown[table] = tuple(visible)
        if behind:
            held[table] = tuple(behind)
    return ShownColumns(wanted, knowledge, shown, held)
