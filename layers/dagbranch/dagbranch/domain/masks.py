"""Masks: what stands in the place of a column that names people, as an expression that keeps the column's type.

``hash`` makes equal values equal in every table, so that joins work; whoever knows a value can tell its hash.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp
from sqlglot.errors import SqlglotError

from dagbranch.domain.predicates import DIALECT
from dagbranch.errors import InvalidPipelineError, UnsafeStatementError

type Mask = str | int | float | bool | None
type Masks = Mapping[str, Mask]

HASH: Final = "hash"
KEEP: Final = "keep"
OTHERS: Final = "*"
_TEXT: Final = re.compile(r"string", re.IGNORECASE)
_SHORT_TEXT: Final = re.compile(r"(?:var)?char\(\d+\)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?:tiny|small|big)?int|float|double|decimal\(\d+,\s*\d+\)", re.IGNORECASE)
_COLUMN: Final = re.compile(r"[^\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True)
class Projected:
    """One column of a table as a view or a seed shows it; ``type`` is needed where a mask takes its place."""

    name: str
    type: str = ""
    mask: Mask = KEEP


def projection(columns: Sequence[Projected]) -> list[exp.Expr]:
    """What stands between SELECT and FROM. Raises UnsafeStatementError for what is no column of a table."""
    return [_projected(column) for column in columns]


def masked(columns: Mapping[str, str], masks: Masks, known: Collection[str]) -> tuple[list[Projected], list[str]]:
    """The columns as masked, in order, and the names of those that are held back.

    ``columns``: SQL type by name. ``masks`` by column, or ``*`` for each that is not named. Held back is what
    neither is named nor ``known``: nobody has said yet whether it may be seen.
    """
    rules = {name.lower(): mask for name, mask in masks.items()}
    seen = {name.lower() for name in known}
    shown, held = [], []
    for name, kind in columns.items():
        if name.lower() in rules:
            shown.append(Projected(name, kind, rules[name.lower()]))
        elif OTHERS in rules:
            shown.append(Projected(name, kind, _for_others(rules[OTHERS], kind)))
        elif name.lower() in seen:
            shown.append(Projected(name, kind))
        else:
            held.append(name)
    return shown, held


def fault_of(mask: Mask, kind: str) -> str | None:
    """Why the mask cannot take the place of a column of this type, in words; None where it can."""
    if mask is None or mask == KEEP:
        return None
    is_text = bool(_TEXT.fullmatch(kind) or _SHORT_TEXT.fullmatch(kind))
    if mask == HASH:
        if _TEXT.fullmatch(kind) or kind.lower() in {"bigint", "int"}:
            return None
        return f"hash is for string, int and bigint, the column is {kind}: take null or a value"
    if isinstance(mask, bool):
        fits = kind.lower() == "boolean"
    elif isinstance(mask, int | float):
        fits = bool(_NUMBER.fullmatch(kind))
    else:
        fits = is_text or kind.lower() in {"date", "timestamp", "timestamp_ntz"}
    return None if fits else f"{mask!r} is no value of {kind}: take null, or a value of that type"


def check_masks(table: str, columns: Mapping[str, str], masks: Masks) -> None:
    """Raises InvalidPipelineError for a mask of a column that is not there, or that cannot take its place."""
    types = {name.lower(): kind for name, kind in columns.items()}
    faults = [f"{table} has no column {name}" for name in masks if name != OTHERS and name.lower() not in types]
    for name, mask in masks.items():
        fault = fault_of(mask, types[name.lower()]) if name.lower() in types else None
        if fault:
            faults.append(f"{table}.{name}: {fault}")
    if faults:
        raise InvalidPipelineError("\n".join(faults))


def _for_others(mask: Mask, kind: str) -> Mask:
    """What `*` says, or null where it does not fit a column that nobody looked at."""
    return None if fault_of(mask, kind) else mask


def _projected(column: Projected) -> exp.Expr:
    if not _COLUMN.fullmatch(column.name):
        raise UnsafeStatementError(f"{column.name!r} is no name of a column")
    name = exp.to_identifier(column.name, quoted=True)
    if column.mask == KEEP:
        return exp.column(name)
    return exp.alias_(_masking(column, exp.column(name)), name.copy(), quoted=True)


def _masking(column: Projected, original: exp.Column) -> exp.Expr:
    if column.mask == HASH:
        return _hash(column.type.lower(), original)
    return exp.Cast(this=_literal(column.mask), to=_type(column.type))


def _hash(kind: str, original: exp.Column) -> exp.Expr:
    if kind == "string":
        return exp.SHA2(this=original, length=exp.Literal.number(256))
    if kind not in {"int", "bigint"}:
        raise UnsafeStatementError(f"there is no hash of {kind}")
    return exp.Anonymous(this="XXHASH64" if kind == "bigint" else "HASH", expressions=[original])


def _literal(value: Mask) -> exp.Expr:
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)


def _type(text: str) -> exp.DataType:
    if _SHORT_TEXT.fullmatch(text):
        return exp.DataType.build("string", dialect=DIALECT)  # as every expression over such a column is
    try:
        return exp.DataType.build(text, dialect=DIALECT)
    except SqlglotError as error:
        raise UnsafeStatementError(f"{text!r} is no type of a column") from error
