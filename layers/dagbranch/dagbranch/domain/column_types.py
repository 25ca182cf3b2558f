"""Whether a hash or a given value fits a column's SQL type, as the warehouse tells it: ``decimal(10,2)``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

# SHA-256 in hexadecimal.
_HASH_LENGTH: Final = 64
_SHORT_TEXT: Final = re.compile(r"(?:var)?char\((\d+)\)")
_DECIMAL: Final = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_WHOLE: Final[Mapping[str, int]] = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
_DATE: Final = r"\d{4}-\d\d-\d\d"
_MOMENT: Final = rf"{_DATE}([T ]\d\d:\d\d(:\d\d(\.\d{{1,6}})?)?)?"
# Of what the warehouse and Python both read.
_MOMENTS: Final = {"date": _DATE, "timestamp": _MOMENT, "timestamp_ntz": _MOMENT}


def hash_fault(kind: str) -> str | None:
    """Why a column of this type has no hash; None where it has one of the same type."""
    kind = kind.lower()
    length = _length_of_text(kind)
    if kind in {"int", "bigint"} or (length is not None and length >= _HASH_LENGTH):
        return None
    if length is not None:
        return f"hash has {_HASH_LENGTH} characters, the column is {kind}: take null or a value"
    return f"hash is for string, int and bigint, the column is {kind}: take null or a value"


def value_fault(value: str | float | bool, kind: str) -> str | None:  # noqa: FBT001 - the value of a mask
    """Why the value cannot stand in a column of this type; None where it can."""
    if _fits(value, kind.lower()):
        return None
    hint = ", in quotes" if kind.lower() == "string" else ""
    return f"{value!r} is no value of {kind}: take null, or a value of that type{hint}"


def _fits(value: str | float | bool, kind: str) -> bool:  # noqa: FBT001 - as above
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, str):
        return _is_moment(value, kind) if kind in _MOMENTS else len(value) <= (_length_of_text(kind) or -1)
    return _number_fits(Decimal(str(value)), kind)


def _number_fits(value: Decimal, kind: str) -> bool:
    if kind in _WHOLE:
        half = 2 ** (_WHOLE[kind] - 1)
        return value == value.to_integral_value() and -half <= value < half
    if decimal := _DECIMAL.fullmatch(kind):
        precision, scale = map(int, decimal.groups())
        return abs(value) < 10 ** (precision - scale) and value == round(value, scale)
    return kind in {"float", "double"}


def _is_moment(value: str, kind: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return re.fullmatch(_MOMENTS[kind], value, re.ASCII) is not None


def is_text(kind: str) -> bool:
    return _length_of_text(kind.lower()) is not None


def _length_of_text(kind: str) -> int | None:
    """How many characters fit; None for what is no text."""
    if kind == "string":
        return 2**31
    short = _SHORT_TEXT.fullmatch(kind)
    return int(short[1]) if short else None
