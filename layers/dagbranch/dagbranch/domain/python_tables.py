"""Calls of Spark, pandas and Airflow that name a table themselves, without SQL."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from dagbranch.domain.syntax import called

Kind = Literal["read", "written", "unknown"]


@dataclass(frozen=True)
class Named:
    """``schema``: the argument that has the schema, where the table's name is given apart from it.

    ``table`` is None where a table may be used that has no name here, such as one that is given by its path.
    """

    kind: Kind
    table: ast.expr | None
    schema: ast.expr | None = None


# The first argument is the table, or the keyword.
_METHODS: Final[Mapping[str, tuple[Kind, str]]] = {
    "insertInto": ("written", "tableName"),
    "insert_rows": ("written", "table"),
    "bulk_dump": ("read", "table"),
    "bulk_load": ("written", "table"),
    "createExternalTable": ("written", "tableName"),
    "recoverPartitions": ("written", "tableName"),
    "saveAsTable": ("written", "name"),
    "toTable": ("written", "tableName"),
    "to_table": ("written", "name"),
    "writeTo": ("written", "table"),
}
_WITH_SCHEMA: Final[Mapping[str, tuple[Kind, str]]] = {
    "read_sql_table": ("read", "table_name"),
    "to_sql": ("written", "name"),
}
_OPERATORS: Final[Mapping[str, tuple[Kind, str]]] = {
    "DatabricksCopyIntoOperator": ("written", "table_name"),
    "DatabricksPartitionSensor": ("read", "table_name"),
    "GenericTransfer": ("written", "destination_table"),
    "S3ToHiveOperator": ("written", "hive_table"),
    "SQLInsertRowsOperator": ("written", "table_name"),
    "SQLColumnCheckOperator": ("read", "table"),
    "SQLIntervalCheckOperator": ("read", "table"),
    "SQLTableCheckOperator": ("read", "table"),
}
_TABLE_KEYWORDS: Final = frozenset(
    {"table", "table_name", "destination_table", "target_table", "dest_table", "hive_table", "output_table"}
)
_OF_OPERATORS: Final = ("Operator", "Sensor", "Transfer")
_LOOKS: Final = frozenset({"toDF", "history", "detail"})
_CHANGES: Final = frozenset(
    {"merge", "delete", "update", "updateExpr", "vacuum", "optimize", "restoreToVersion", "restoreToTimestamp"}
    | {"generate", "upgradeTableProtocol", "addFeatureSupport", "dropFeatureSupport"}
)
TEMPORARY_VIEWS: Final = frozenset(
    {"createOrReplaceTempView", "createTempView", "createOrReplaceGlobalTempView", "createGlobalTempView"}
    | {"registerTempTable"}
)


def named_tables(call: ast.Call, parents: Mapping[int, ast.AST]) -> Iterator[Named]:
    """``parents``: by the identity of each node, for what is done with a table that a call names."""
    name = called(call.func)
    chain = set(_chain(call))
    if name in _METHODS and isinstance(call.func, ast.Attribute):
        kind, keyword = _METHODS[name]
        yield Named(kind, _argument(call, 0, keyword))
    elif name in _WITH_SCHEMA and (call.args or call.keywords):
        kind, keyword = _WITH_SCHEMA[name]
        without = ast.copy_location(ast.Constant(value=""), call)
        yield Named(kind, _argument(call, 0, keyword), _argument(call, None, "schema") or without)
    elif name == "read_table" and chain & {"ps", "ks"}:
        yield Named("read", _argument(call, 0, "name"))
    elif name == "table" and isinstance(call.func, ast.Attribute):
        yield from _spark_table(call, chain)
    elif name in {"forName", "convertToDelta", "forPath"} and "DeltaTable" in chain:
        yield from _delta_table(call, name, parents)
    elif name == "tableName" and "DeltaTable" in chain:
        yield Named("written", _argument(call, 0, "tableName"))
    elif name == "save" and {"write", "writeStream"} & chain and "delta" in chain:
        yield Named("unknown", None)
    elif name in {"createTable", "refreshTable", "cacheTable"} and "catalog" in chain:
        yield Named("written" if name == "createTable" else "read", _argument(call, 0, "tableName"))
    elif name in _OPERATORS or name.endswith(_OF_OPERATORS):
        yield from _operator(call, name)


def _spark_table(call: ast.Call, chain: set[str]) -> Iterator[Named]:
    """``table`` is a method of many things: only a reader's, a session's or one of a qualified name is Spark's."""
    table = _argument(call, 0, "tableName")
    if "writeStream" in chain:
        yield Named("written", table)
    elif table is not None and any("spark" in one.lower() or one in {"read", "readStream"} for one in chain):
        yield Named("read", table)


def _delta_table(call: ast.Call, name: str, parents: Mapping[int, ast.AST]) -> Iterator[Named]:
    kind = "written" if name == "convertToDelta" else _use_of(call, parents)
    if name != "forPath":
        yield Named(kind, _argument(call, 1, "tableOrViewName"))
    elif kind != "read":
        yield Named("unknown", None)


def _use_of(call: ast.Call, parents: Mapping[int, ast.AST]) -> Kind:
    """A table of Delta's own interface is for changing it; what is only looked at is read."""
    methods: set[str] = set()
    node: ast.AST = call
    while isinstance(parent := parents.get(id(node)), ast.Attribute | ast.Call):
        methods |= {parent.attr} if isinstance(parent, ast.Attribute) else set()
        node = parent
    if methods & _CHANGES:
        return "written"
    return "read" if methods & _LOOKS else "unknown"


def _operator(call: ast.Call, name: str) -> Iterator[Named]:
    kind, keyword = _OPERATORS.get(name, ("unknown", ""))
    for one in call.keywords:
        if one.arg == keyword or (not keyword and one.arg in _TABLE_KEYWORDS):
            schema = _argument(call, None, "schema")
            yield Named(kind, one.value, schema)


def _argument(call: ast.Call, position: int | None, keyword: str) -> ast.expr | None:
    for one in call.keywords:
        if one.arg == keyword:
            return one.value
    return call.args[position] if position is not None and position < len(call.args) else None


def _chain(call: ast.Call) -> Iterator[str]:
    """The names and texts from which a method is reached: ``df``, ``write``, ``format``, ``delta``."""
    node: ast.expr = call.func
    while True:
        if isinstance(node, ast.Attribute):
            yield node.attr
            node = node.value
        elif isinstance(node, ast.Call):
            yield from (one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str))
            node = node.func
        else:
            if isinstance(node, ast.Name):
                yield node.id
            return
