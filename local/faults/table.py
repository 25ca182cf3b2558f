"""The table of what was injected and what was seen, row by row as they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from local.faults.rounds import Row

_WIDTHS = (9, 18, 14, 38, 14)
_HEAD = ("phase", "function", "upstream", "operation", "fault", "seen → end")


def header(*, held_seconds: float) -> str:
    """What is to be known of the rows."""
    told = (
        "A fault lasts for an invocation, for its clients' own tries too; times out, answer lost and killed come once.",
        f"A request that times out is held until its client gives up, at most {held_seconds:g} s.",
        "What fails comes again after 1 s: its visibility time-out, and the leases that it left behind, are ended.",
    )
    return "\n".join([*told, "", _line(_HEAD)])


def line(row: Row) -> str:
    step = row.fault.step
    operation = step.operation if step.ordinal == 1 else f"{step.operation} ({step.ordinal})"
    told = f"{row.seen} → {row.end}" + (f"  ✗ {row.wrong}" if row.wrong else "")
    return _line((step.phase, step.function, step.upstream, operation, str(row.fault.kind), told))


def summary(rows: Iterable[Row]) -> str:
    found = list(rows)
    wrong = [row for row in found if row.wrong]
    ends = Counter(row.end for row in found if not row.wrong)
    by_end = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    return f"{len(found)} faults at {len({row.fault.step for row in found})} steps: {by_end}; {len(wrong)} wrong"


def _line(cells: tuple[str, ...]) -> str:
    *first, last = cells
    return "  ".join([*(cell.ljust(width) for cell, width in zip(first, _WIDTHS, strict=True)), last])
