"""What the text of one file says of tables: which it reads, which it writes, and where that cannot be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field


def _lines_by_table() -> defaultdict[str, set[int]]:
    return defaultdict(set)


@dataclass
class Uses:
    """Lines by table, ``schema.table`` or ``catalog.schema.table`` in lower case, and lines that are not understood."""

    read: defaultdict[str, set[int]] = field(default_factory=_lines_by_table)
    written: defaultdict[str, set[int]] = field(default_factory=_lines_by_table)
    unknown: set[int] = field(default_factory=set)

    def add(self, others: Uses, line_of: Callable[[int], int] = int) -> None:
        """``line_of``: the line in this text for one in the others' text."""
        for mine, theirs in ((self.read, others.read), (self.written, others.written)):
            for table, lines in theirs.items():
                mine[table].update(map(line_of, lines))
        self.unknown.update(map(line_of, others.unknown))
