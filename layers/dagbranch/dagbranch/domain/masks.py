"""Masks: what stands in the place of a column that names people, as an expression that keeps the column's type.

``hash`` makes equal values equal in every table, so that joins work; whoever knows a value can tell its hash.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp
from sqlglot.errors import SqlglotError

from dagbranch.domain.column_types import hash_fault, is_text, value_fault
from dagbranch.domain.predicates import DIALECT
from dagbranch.errors import UnsafeStatementError

type Mask = str | int | float | bool | None
type Masks = Mapping[str, Mask]

HASH: Final = "hash"
KEEP: Final = "keep"
OTHERS: Final = "*"
# They give a number for null too, which would join with every other null.
_HASHES: Final = {"int": "HASH", "bigint": "XXHASH64"}
_LARGEST_WHOLE: Final = 2**63
_COLUMN: Final = re.compile(r"[^\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True)
class Projected:
    """One column of a table as a view or a seed shows it; ``type`` is needed where a hash or a value is shown."""

    name: str
    type: str = ""
    mask: Mask = KEEP


def projection(columns: Sequence[Projected]) -> list[exp.Expr]:
    """What stands between SELECT and FROM. Raises UnsafeStatementError for what is no column of a table."""
    return [_projected(column) for column in columns]


def masked(
    columns: Mapping[str, str], masks: Masks, known: Collection[str], decided: Collection[str] | None = None
) -> tuple[list[Projected], list[str]]:
    """The columns as masked, in order, and the names of those that are held back.

    ``columns``: SQL type by name. ``masks`` by column, or ``*`` for each that is not named; one that does not fit is
    null. Held back is what is neither ``known`` nor ``decided`` on: nobody has said yet whether it may be seen.
    ``decided``: the names of rules that count for that, all of ``masks`` where it is not given.
    """
    rules = {name.lower(): mask for name, mask in masks.items()}
    seen = {name.lower() for name in known}
    named = {name.lower() for name in (masks if decided is None else decided)}
    shown, held = [], []
    for name, kind in columns.items():
        if name.lower() not in seen and not {name.lower(), OTHERS} & named:
            held.append(name)
            continue
        mask = rules.get(name.lower(), rules.get(OTHERS, KEEP))
        shown.append(Projected(name, kind, None if fault_of(mask, kind) else mask))
    return shown, held


def hiding(masks: Masks) -> dict[str, Mask]:
    """Those that show something else than the column itself, by name in lower case."""
    return {name.lower(): mask for name, mask in masks.items() if mask != KEEP}


def fault_of(mask: Mask, kind: str) -> str | None:
    """Why the mask cannot take the place of a column of this type, in words; None where it can."""
    if mask is None or mask == KEEP:
        return None
    return hash_fault(kind) if mask == HASH else value_fault(mask, kind)


def mask_faults(columns: Mapping[str, str], masks: Masks) -> dict[str, str]:
    """What is wrong with the mask of a column, in words: it is not there, or the mask cannot take its place."""
    types = {name.lower(): kind for name, kind in columns.items()}
    faults = {}
    for name, mask in masks.items():
        if name == OTHERS:
            continue
        kind = types.get(name.lower())
        fault = _no_such(name, columns) if kind is None else fault_of(mask, kind)
        if fault:
            faults[name] = fault
    return faults


def _no_such(name: str, columns: Iterable[str]) -> str:
    return f"there is no column {name}: expected one of {', '.join(columns)}"


def _projected(column: Projected) -> exp.Expr:
    if not _COLUMN.fullmatch(column.name):
        raise UnsafeStatementError(f"{column.name!r} is no name of a column")
    name = exp.to_identifier(column.name, quoted=True)
    if column.mask == KEEP:
        return exp.column(name)
    return exp.alias_(_masking(column, exp.column(name)), name.copy(), quoted=True)


def _masking(column: Projected, original: exp.Column) -> exp.Expr:
    if column.mask is None:
        # Of the column's own type, whatever it is: not all can be written down.
        return exp.If(this=exp.false(), true=original, false=exp.Null())
    if column.mask == HASH:
        return _hash(column.type.lower(), original)
    kind = "string" if is_text(column.type) else column.type  # as every expression over a shorter text is
    return exp.Cast(this=_literal(column.mask), to=_type(kind))


def _hash(kind: str, original: exp.Column) -> exp.Expr:
    if fault := hash_fault(kind):
        raise UnsafeStatementError(fault)
    if kind not in _HASHES:
        return exp.SHA2(this=original, length=exp.Literal.number(256))
    is_null = exp.Is(this=original, expression=exp.Null())
    hashed = exp.Anonymous(this=_HASHES[kind], expressions=[original.copy()])
    return exp.If(this=is_null, true=exp.Null(), false=hashed)


def _literal(value: str | float | bool) -> exp.Expr:  # noqa: FBT001 - the value of a mask
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= _LARGEST_WHOLE):
        return exp.Literal.string(str(value))  # a number with an exponent has more than one spelling
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(int(value))


def _type(text: str) -> exp.DataType:
    try:
        return exp.DataType.build(text, dialect=DIALECT)
    except SqlglotError as error:
        raise UnsafeStatementError(f"{text!r} is no type of a column") from error
