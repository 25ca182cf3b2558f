"""What fills the environment's own tables: once each, noted with the table, so that no retry doubles a row.

A table without a note was made by the pipeline itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from dagbranch.domain import statements
from dagbranch.domain.masks import KEEP, Projected
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.questions import Question, distinct_partitions
from dagbranch.domain.specification_values import EVERYTHING
from dagbranch.domain.statements import SEED_PROPERTY, Statement
from dagbranch.domain.warehouse_state import TableDetails

UNSEEDED: Final = "none"
PENDING: Final = "pending"
_DONE: Final = "done"
# What goes in one statement: a month of days. What has more partitions goes one by one, and on where it was cut off.
MOST_PARTITIONS_AT_ONCE: Final = 31

type Partition = tuple[object, ...]


@dataclass(frozen=True)
class Seed:
    """Which rows of ``source`` a table begins with: ``text`` as the specification has it.

    ``columns``: all of the table's, in order, where they are known. ``partition_columns``: by which it can be filled
    bit by bit, none where it cannot.
    """

    table: str
    source: str
    text: str
    columns: tuple[Projected, ...] = ()
    partition_columns: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All of it at once, and the note that it is done."""
        columns = self.columns if _is_masked(self.columns) else ()
        return (statements.insert_overwrite(self.table, self.source, self._predicate, columns=columns), self.done)

    @property
    def done(self) -> Statement:
        return statements.set_seed_note(self.table, done_note(self.text))

    @property
    def partitions(self) -> Question:
        """Which partitions there are to fill."""
        return distinct_partitions(self.source, self.partition_columns, self._predicate)

    @property
    def filled(self) -> Question:
        """Which partitions the table has already: each is filled by one statement."""
        return distinct_partitions(self.table, self.partition_columns, None)

    def fill(self, partition: Partition) -> Statement:
        """One partition alone; the same again when it is run again."""
        values = dict(zip(self.partition_columns, partition, strict=True))
        others = [column for column in self.columns if column.name not in values]
        return statements.insert_overwrite(self.table, self.source, self._predicate, columns=others, partition=values)

    @property
    def _predicate(self) -> exp.Expr | None:
        return None if self.text == EVERYTHING else parse_predicate(self.text)


def done_note(text: str) -> str:
    return f"{_DONE} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def note_of(details: TableDetails | None) -> str | None:
    return details.properties.get(SEED_PROPERTY) if details else None


def seed_of(table: str, source: str, text: str, columns: Sequence[Projected], details: TableDetails | None) -> Seed:
    """``details`` of the source, ``columns`` as masked; None and nothing where nobody asked the warehouse."""
    partitions = details.partition_columns if details else ()
    masks = {column.name: column.mask for column in columns}
    apart = partitions if all(masks.get(name) == KEEP for name in partitions) else ()
    return Seed(table, source, text, tuple(columns), apart)


def remaining(wanted: Sequence[Partition], filled: Sequence[Partition]) -> list[Partition] | None:
    """The partitions that are to be filled one by one; None where the seed goes in one statement.

    A partition without a value has no name to overwrite it by.
    """
    if len(wanted) <= MOST_PARTITIONS_AT_ONCE or any(None in partition for partition in wanted):
        return None
    known = set(filled)
    return [partition for partition in wanted if partition not in known]


def columns_in(text: str) -> frozenset[str]:
    """The columns that a seed's condition names, in lower case."""
    if text == EVERYTHING:
        return frozenset()
    return frozenset(column.name.lower() for column in parse_predicate(text).find_all(exp.Column))


def _is_masked(columns: Sequence[Projected]) -> bool:
    return any(column.mask != KEEP for column in columns)
