"""Which tables SQL reads and which it writes, statement by statement, without a warehouse."""

from __future__ import annotations

from dagbranch.domain.table_uses import Uses


def read_sql(sql: str) -> Uses:
    """Lines are counted from 1. A statement that is not understood makes the line where it begins unknown."""
    uses = Uses()
    uses.unknown.update([1] if sql.strip() else [])
    return uses
