"""Spark's rows as Thrift's columns: which type the client is told, and how each value travels.

Without Arrow, which the connector here does not have, Databricks sends decimals, dates and timestamps as text
that the connector parses, and complex values as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 -- the name that Spark's own documentation gives it
from pyspark.sql import types as S  # noqa: N812 -- beside T, Thrift's types

from local.warehouse.wire import T

_ID = T.TTypeId


@dataclass(frozen=True)
class _Kind:
    """How one Spark type travels: the id the client is told, the member of TColumn, and each value's form in it."""

    type_id: int
    member: str
    values: Callable[..., Any]
    null: object
    encode: Callable[[Any], object]


def _text(type_id: int) -> _Kind:
    return _Kind(type_id, "stringVal", T.TStringColumn, "", str)


_KINDS: dict[type[S.DataType], _Kind] = {
    S.BooleanType: _Kind(_ID.BOOLEAN_TYPE, "boolVal", T.TBoolColumn, null=False, encode=bool),
    S.ByteType: _Kind(_ID.TINYINT_TYPE, "byteVal", T.TByteColumn, 0, int),
    S.ShortType: _Kind(_ID.SMALLINT_TYPE, "i16Val", T.TI16Column, 0, int),
    S.IntegerType: _Kind(_ID.INT_TYPE, "i32Val", T.TI32Column, 0, int),
    S.LongType: _Kind(_ID.BIGINT_TYPE, "i64Val", T.TI64Column, 0, int),
    S.FloatType: _Kind(_ID.FLOAT_TYPE, "doubleVal", T.TDoubleColumn, 0.0, float),
    S.DoubleType: _Kind(_ID.DOUBLE_TYPE, "doubleVal", T.TDoubleColumn, 0.0, float),
    S.BinaryType: _Kind(_ID.BINARY_TYPE, "binaryVal", T.TBinaryColumn, b"", bytes),
    S.StringType: _text(_ID.STRING_TYPE),
    S.DecimalType: _text(_ID.DECIMAL_TYPE),
    S.DateType: _text(_ID.DATE_TYPE),
    S.TimestampType: _text(_ID.TIMESTAMP_TYPE),
    S.TimestampNTZType: _text(_ID.TIMESTAMP_TYPE),
    S.NullType: _text(_ID.NULL_TYPE),
}
_JSON: dict[type[S.DataType], _Kind] = {
    S.ArrayType: _text(_ID.ARRAY_TYPE),
    S.MapType: _text(_ID.MAP_TYPE),
    S.StructType: _text(_ID.STRUCT_TYPE),
    S.VariantType: _text(_ID.STRING_TYPE),
}
_OTHER = _text(_ID.STRING_TYPE)


def transportable(frame: DataFrame) -> DataFrame:
    """The same rows with every column in a form that Thrift can carry; Spark itself writes the JSON."""
    types = [field.dataType for field in frame.schema.fields]
    if all(type(each) in _KINDS for each in types):
        return frame
    numbered = frame.toDF(*(str(position) for position in range(len(types))))
    return numbered.select([_transportable(numbered[str(n)], each) for n, each in enumerate(types)])


def _transportable(column: Column, data_type: S.DataType) -> Column:
    if type(data_type) in _KINDS:
        return column
    if type(data_type) in _JSON:
        return F.to_json(column, {"ignoreNullFields": "false"})
    return column.cast("string")


def table_schema(schema: S.StructType) -> Any:
    return T.TTableSchema(
        [T.TColumnDesc(field.name, _type_desc(field.dataType), n) for n, field in enumerate(schema.fields, start=1)]
    )


def _type_desc(data_type: S.DataType) -> Any:
    entry = T.TPrimitiveTypeEntry(_kind(data_type).type_id, _qualifiers(data_type))
    return T.TTypeDesc([T.TTypeEntry(primitiveEntry=entry)])


def _qualifiers(data_type: S.DataType) -> Any:
    if not isinstance(data_type, S.DecimalType):
        return None
    sizes = {"precision": data_type.precision, "scale": data_type.scale}
    return T.TTypeQualifiers({name: T.TTypeQualifierValue(i32Value=size) for name, size in sizes.items()})


def row_set(schema: S.StructType, rows: Sequence[Sequence[object]], start: int) -> Any:
    columns = [_column(field.dataType, [row[n] for row in rows]) for n, field in enumerate(schema.fields)]
    return T.TRowSet(start, [], columns)


def _column(data_type: S.DataType, values: Sequence[object]) -> Any:
    kind = _kind(data_type)
    encoded = [kind.null if value is None else kind.encode(value) for value in values]
    return T.TColumn(**{kind.member: kind.values(encoded, _null_bits(values))})


def _null_bits(values: Sequence[object]) -> bytes:
    """One bit per value, set where it is null, the lowest bit of each byte first."""
    bits = sum(1 << n for n, value in enumerate(values) if value is None)
    return bits.to_bytes((len(values) + 7) // 8, "little")


def _kind(data_type: S.DataType) -> _Kind:
    return _KINDS.get(type(data_type)) or _JSON.get(type(data_type)) or _OTHER
