"""What fills the environment's own tables: once each, noted with the table, so that no retry doubles a row.

A table without a note was made by the pipeline itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlglot import exp

from dagbranch.domain import statements
from dagbranch.domain.masks import KEEP, Masks, Projected, hiding
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.questions import Question, distinct_partitions
from dagbranch.domain.specification_values import EVERYTHING
from dagbranch.domain.statements import SEED_PROPERTY, Statement
from dagbranch.domain.warehouse_state import TableDetails

UNSEEDED: Final = "none"
_PENDING: Final = "pending"
_DONE: Final = "done"
# What goes in one statement: a month of days. What has more partitions goes one by one, and on where it was cut off.
MOST_PARTITIONS_AT_ONCE: Final = 31

type Partition = tuple[object, ...]


@dataclass(frozen=True)
class Seed:
    """Which rows of ``source`` a table begins with: ``text`` as the specification has it.

    ``columns``: all of the table's, in order, where they are known. ``partition_columns``: by which it can be filled
    bit by bit, none where it cannot. ``is_cloned``: where the warehouse can clone, nothing is left to fill.
    """

    table: str
    source: str
    text: str
    columns: tuple[Projected, ...] = ()
    partition_columns: tuple[str, ...] = ()
    masks: Masks = field(default_factory=dict)
    is_cloned: bool = False

    @property
    def pending_note(self) -> str:
        """With the digest of all that makes its rows: a table that is half filled is not gone on with otherwise."""
        return f"{_PENDING} {_digest(self.source, self.text, self.columns)}"

    @property
    def done_note(self) -> str:
        return f"{_DONE} {_digest(self.source, self.text, self.columns)} {_digest_of_masks(self.masks)}".rstrip()

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All of it at once, and the note that it is done."""
        columns = self.columns if any(column.mask != KEEP for column in self.columns) else ()
        return (statements.insert_overwrite(self.table, self.source, self._predicate, columns=columns), self.done)

    @property
    def done(self) -> Statement:
        return statements.set_seed_note(self.table, self.done_note)

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


def note_of(details: TableDetails | None) -> str | None:
    return details.properties.get(SEED_PROPERTY) if details else None


def is_pending(note: str | None) -> bool:
    return (note or "").startswith(_PENDING)


def is_outdated(note: str | None, seed: Seed | None, masks: Masks) -> bool:
    """Whether a table is to be made anew, because its rows would not be those that may be seen.

    One that is not filled yet holds nothing of the pipeline's that the seed would not overwrite.
    """
    if is_pending(note):
        return seed is None or note != seed.pending_note
    if not (note or "").startswith(_DONE):
        return False
    digest = _digest_of_masks(masks)
    return bool(digest) and digest not in (note or "").split()[2:]


def seed_of(
    table: str,
    source: str,
    text: str,
    columns: Sequence[Projected],
    details: TableDetails | None,
    masks: Masks,
    *,
    is_cloned: bool = False,
) -> Seed:
    """``details`` of the source, ``columns`` as masked; None and nothing where nobody asked the warehouse."""
    partitions = details.partition_columns if details else ()
    shown = {column.name: column.mask for column in columns}
    apart = partitions if all(shown.get(name) == KEEP for name in partitions) else ()
    return Seed(table, source, text, tuple(columns), apart, masks, is_cloned)


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


def _digest_of_masks(masks: Masks) -> str:
    """Empty where nothing is hidden."""
    hidden = hiding(masks)
    return _digest(*((name, repr(hidden[name])) for name in sorted(hidden))) if hidden else ""


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
