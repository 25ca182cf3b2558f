"""Every statement that dagbranch sends to a warehouse, built as a syntax tree from checked names.

A schema is named ``schema`` or ``catalog.schema``, a table has one part more. Names are lower case, because
warehouses do not tell cases apart. What sqlglot cannot build are the questions (``SHOW``, ``DESCRIBE SCHEMA``).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from dagbranch.domain.predicates import render
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.errors import UnsafeStatementError

SEED_PROPERTY: Final = "dagbranch.seed"
# What a base may hold, though `dagbranch.yaml` names less; no dot, quote, blank or slash is in any name.
_NAME = re.compile(r"[\w-]{1,255}")


@dataclass(frozen=True)
class Statement:
    """SQL that changes the warehouse; ``writes`` and ``reads`` are full names of tables or schemas.

    ``otherwise`` is what to run instead, in order, where the warehouse does not know this form.
    """

    sql: str
    writes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Question:
    """SQL that changes nothing."""

    sql: str


def create_schema(schema: str, marker: SchemaMarker) -> Statement:
    """Fails where the schema exists: so a schema with our marker is one that we made."""
    comment = exp.SchemaCommentProperty(this=exp.Literal.string(str(marker)))
    tree = exp.Create(this=_schema(schema), kind="SCHEMA", properties=exp.Properties(expressions=[comment]))
    return _statement(tree, writes=schema)


def comment_on_schema(schema: str, marker: SchemaMarker) -> Statement:
    tree = exp.Comment(this=_table(schema), kind="SCHEMA", expression=exp.Literal.string(str(marker)))
    return _statement(tree, writes=schema)


def drop_schema(schema: str) -> Statement:
    return _statement(exp.Drop(tables=[_schema(schema)], kind="SCHEMA", cascade=True), writes=schema)


def create_view(view: str, source: str, *, replace: bool = False) -> Statement:
    tree = exp.Create(this=_table(view), kind="VIEW", replace=replace, expression=_all_of(source))
    return _statement(tree, writes=view, reads=source)


def create_table_like(table: str, source: str, seed_note: str) -> Statement:
    """An empty table with the columns and partitions of ``source``, and the note of its seed from the first moment."""
    properties = [exp.LikeProperty(this=_table(source)), _note(seed_note)]
    tree = exp.Create(this=_table(table), kind="TABLE", properties=exp.Properties(expressions=properties))
    return _statement(tree, writes=table, reads=source)


def insert_overwrite(table: str, source: str, predicate: exp.Expr | None) -> Statement:
    """The rows of ``source`` for which the predicate holds, or all; the same again when it is run again."""
    rows = _all_of(source)
    if predicate is not None:
        rows.set("where", exp.Where(this=predicate.copy()))
    tree = exp.Insert(this=_table(table), expression=rows, overwrite=True)
    return _statement(tree, writes=table, reads=source)


def set_seed_note(table: str, seed_note: str) -> Statement:
    properties = exp.Properties(expressions=[_note(seed_note)])
    tree = exp.Alter(this=_table(table), kind="TABLE", actions=[exp.AlterSet(expressions=[properties])])
    return _statement(tree, writes=table)


def drop_view(view: str) -> Statement:
    return _statement(exp.Drop(tables=[_table(view)], kind="VIEW"), writes=view)


def drop_table(table: str) -> Statement:
    return _statement(exp.Drop(tables=[_table(table)], kind="TABLE"), writes=table)


def show_schemas(catalog: str | None, schemas: Collection[str]) -> Question:
    """Which of these schemas, named without their catalog, exist."""
    within = f" IN {_rendered(_table(catalog))}" if catalog else ""
    pattern = exp.Literal.string("|".join(_checked(schema) for schema in sorted(schemas)))
    return Question(f"SHOW SCHEMAS{within} LIKE {_rendered(pattern)}")


def show_tables(schema: str) -> Question:
    """Tables and views alike."""
    return Question(f"SHOW TABLES IN {_rendered(_table(schema))}")


def show_views(schema: str) -> Question:
    return Question(f"SHOW VIEWS IN {_rendered(_table(schema))}")


def describe_schema(schema: str) -> Question:
    return Question(f"DESCRIBE SCHEMA EXTENDED {_rendered(_table(schema))}")


def show_properties(table: str) -> Question:
    return Question(f"SHOW TBLPROPERTIES {_rendered(_table(table))}")


def _statement(tree: exp.Expr, *, writes: str, reads: str | None = None) -> Statement:
    return Statement(_rendered(tree), (writes.lower(),), (reads.lower(),) if reads else ())


def _rendered(tree: exp.Expr) -> str:
    return render(tree)


def _all_of(table: str) -> exp.Select:
    return exp.select("*").from_(_table(table))


def _note(seed_note: str) -> exp.Property:
    return exp.Property(this=exp.Literal.string(SEED_PROPERTY), value=exp.Literal.string(seed_note))


def _schema(schema: str) -> exp.Table:
    """As sqlglot has it where a statement makes or drops a schema: nothing in the place of the table."""
    *catalog, name = _identifiers(schema)
    return exp.Table(this=None, db=name, catalog=catalog[0] if catalog else None)


def _table(name: str) -> exp.Table:
    *rest, table = _identifiers(name)
    database, catalog = (rest[-1] if rest else None), (rest[0] if len(rest) > 1 else None)
    return exp.Table(this=table, db=database, catalog=catalog)


def _identifiers(name: str) -> list[exp.Identifier]:
    parts = name.lower().split(".")
    if len(parts) > 3:
        raise UnsafeStatementError(f"{name!r} is no name of a schema or table")
    return [exp.to_identifier(_checked(part), quoted=True) for part in parts]


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UnsafeStatementError(f"{name!r} is no name of a catalog, schema or table: letters, digits, _ and - are")
    return name.lower()
