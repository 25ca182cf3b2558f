"""The values that a statement is given beside its text, as Spark wants them: by name or by position."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_TYPES: dict[str, Callable[[str], object]] = {
    "STRING": str,
    "BOOLEAN": lambda text: text.lower() == "true",
    "TINYINT": int,
    "SMALLINT": int,
    "INT": int,
    "BIGINT": int,
    "FLOAT": float,
    "DOUBLE": float,
    "DECIMAL": Decimal,
    "DATE": date.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
    "TIMESTAMP_NTZ": datetime.fromisoformat,
    "VOID": lambda _: None,
}


def arguments(parameters: Iterable[Any]) -> dict[str, object] | list[object] | None:
    """``args`` for ``SparkSession.sql`` from Thrift's TSparkParameter; None where a statement has none."""
    given = list(parameters or ())
    if any(parameter.name for parameter in given):
        return {parameter.name: _value(parameter) for parameter in given}
    return [_value(parameter) for parameter in given] or None


def _value(parameter: Any) -> object:
    text = parameter.value and parameter.value.stringValue
    if text is None:
        return None
    name = parameter.type.partition("(")[0].upper()
    if name not in _TYPES:
        raise ValueError(f"a parameter of type {parameter.type}: the local warehouse takes {', '.join(_TYPES)}")
    return _TYPES[name](text)
