"""Every statement that dagbranch sends to a warehouse, built as a syntax tree from checked names.

A schema is named ``schema`` or ``catalog.schema``, a table has one part more. Names are lower case, because
warehouses do not tell cases apart. What sqlglot cannot build is ``SHALLOW CLONE`` with properties.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Final

from sqlglot import exp

from dagbranch.domain.masks import Projected, projection
from dagbranch.domain.predicates import render
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.errors import UnsafeStatementError

SEED_PROPERTY: Final = "dagbranch.seed"
# On every view of ours: one without it was made by the pipeline.
VIEW_PROPERTY: Final = "dagbranch.view"
VIEW_NOTE: Final = "ours"
# What a base may hold, though `dagbranch.yaml` names less; no dot, quote, blank or slash is in any name.
_NAME: Final = re.compile(r"[\w-]{1,255}")
_PRIVILEGE: Final = re.compile(r"[A-Z][A-Z_]*( [A-Z_]+)*")
_PRINCIPAL: Final = re.compile(r"[^`\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True)
class Statement:
    """SQL that changes the warehouse; ``writes`` and ``reads`` are full names of tables or schemas."""

    sql: str
    writes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    fallback: Callable[[], Statement] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.sql

    @property
    def otherwise(self) -> tuple[Statement, ...]:
        """What to run instead, in order, where the warehouse does not know this form. Made when it is asked for."""
        return (self.fallback(),) if self.fallback else ()


def create_schema(schema: str, marker: SchemaMarker) -> Statement:
    """Fails where the schema exists: so a schema with our marker is one that we made."""
    comment = exp.SchemaCommentProperty(this=exp.Literal.string(str(marker)))
    tree = exp.Create(this=_schema(schema), kind="SCHEMA", properties=exp.Properties(expressions=[comment]))
    return _statement(tree, writes=schema)


def comment_on_schema(schema: str, marker: SchemaMarker) -> Statement:
    tree = exp.Comment(this=table_tree(schema), kind="SCHEMA", expression=exp.Literal.string(str(marker)))
    return _statement(tree, writes=schema)


def drop_schema(schema: str) -> Statement:
    return _statement(exp.Drop(tables=[_schema(schema)], kind="SCHEMA", cascade=True), writes=schema)


def create_view(view: str, source: str, *, replace: bool = False, follows: bool = True) -> Statement:
    """All columns; ``follows``: also those that the source gets later, where the warehouse knows that."""
    return _plain_view(view, source, replace, follows)


def create_masked_view(view: str, source: str, columns: Sequence[Projected], *, replace: bool = False) -> Statement:
    """Just these columns, whatever the source gets later."""
    if not columns:
        raise UnsafeStatementError(f"the view {view!r} would have no column")
    return _statement(_view(view, _columns_of(source, columns), replace=replace), writes=view, reads=source)


def create_table_like(table: str, source: str, seed_note: str) -> Statement:
    """An empty table with the columns and partitions of ``source``, and the note of its seed from the first moment."""
    properties = [exp.LikeProperty(this=table_tree(source)), _property(SEED_PROPERTY, seed_note)]
    tree = exp.Create(this=table_tree(table), kind="TABLE", properties=exp.Properties(expressions=properties))
    return _statement(tree, writes=table, reads=source)


def shallow_clone(table: str, source: str, seed_note: str, fallback: Callable[[], Statement] | None) -> Statement:
    """All rows of a Delta table without copying them. sqlglot has no tree for a clone with properties."""
    names = f"{render(table_tree(table))} SHALLOW CLONE {render(table_tree(source))}"
    note = f"{_literal(SEED_PROPERTY)}={_literal(seed_note)}"
    sql = f"CREATE TABLE {names} TBLPROPERTIES ({note})"
    return Statement(sql, (table.lower(),), (source.lower(),), fallback)


def insert_overwrite(
    table: str,
    source: str,
    predicate: exp.Expr | None,
    *,
    columns: Sequence[Projected] = (),
    partition: Mapping[str, object] | None = None,
) -> Statement:
    """The rows of ``source`` for which the predicate holds, or all; the same again when it is run again.

    ``columns``: in the table's order; without them all, as they are. ``partition``: the values of the table's
    partition columns; then only its rows are overwritten, and ``columns`` are all the others.
    """
    rows = _columns_of(source, columns) if columns else _all_of(source)
    here = [_equals(name, value) for name, value in (partition or {}).items()]
    condition = predicate.copy() if predicate is not None else None
    if here:
        given = [exp.Paren(this=condition)] if condition else []
        condition = exp.and_(*given, *(each.copy() for each in here), wrap=False)
    if condition:
        rows.set("where", exp.Where(this=condition))
    target = table_tree(table)
    if here:
        target.set("partition", exp.Partition(expressions=here))
    tree = exp.Insert(this=target, expression=rows, overwrite=True)
    return _statement(tree, writes=table, reads=source)


def set_seed_note(table: str, seed_note: str) -> Statement:
    properties = exp.Properties(expressions=[_property(SEED_PROPERTY, seed_note)])
    tree = exp.Alter(this=table_tree(table), kind="TABLE", actions=[exp.AlterSet(expressions=[properties])])
    return _statement(tree, writes=table)


def drop_view(view: str) -> Statement:
    return _statement(exp.Drop(tables=[table_tree(view)], kind="VIEW"), writes=view)


def drop_table(table: str) -> Statement:
    return _statement(exp.Drop(tables=[table_tree(table)], kind="TABLE"), writes=table)


def grant(schema: str, principal: str, privileges: Sequence[str]) -> Statement:
    return _statement(_access(exp.Grant, schema, principal, privileges), writes=schema)


def revoke(schema: str, principal: str, privileges: Sequence[str]) -> Statement:
    return _statement(_access(exp.Revoke, schema, principal, privileges), writes=schema)


def _statement(
    tree: exp.Expr, *, writes: str, reads: str | None = None, fallback: Callable[[], Statement] | None = None
) -> Statement:
    return Statement(render(tree), (writes.lower(),), (reads.lower(),) if reads else (), fallback)


@lru_cache(maxsize=4096)  # there are many, and the fence builds each of them again
def _plain_view(view: str, source: str, replace: bool, follows: bool) -> Statement:  # noqa: FBT001 - the cache's key
    binding = [exp.WithSchemaBindingProperty(this=exp.Var(this="EVOLUTION"))] if follows else []
    tree = _view(view, _all_of(source), *binding, replace=replace)
    frozen = partial(_plain_view, view, source, replace, follows=False) if follows else None
    return _statement(tree, writes=view, reads=source, fallback=frozen)


def _literal(text: str) -> str:
    return render(exp.Literal.string(text))


def _view(view: str, rows: exp.Select, *properties: exp.Property, replace: bool) -> exp.Create:
    noted = exp.Properties(expressions=[*properties, _property(VIEW_PROPERTY, VIEW_NOTE)])
    return exp.Create(this=table_tree(view), kind="VIEW", replace=replace, properties=noted, expression=rows)


def _all_of(table: str) -> exp.Select:
    return exp.select("*").from_(table_tree(table))


def _columns_of(table: str, columns: Sequence[Projected]) -> exp.Select:
    return exp.Select(expressions=projection(columns)).from_(table_tree(table))


def _property(name: str, value: str) -> exp.Property:
    return exp.Property(this=exp.Literal.string(name), value=exp.Literal.string(value))


def _equals(column: str, value: object) -> exp.EQ:
    """A value that a partition has, as the warehouse told it: text, number, date or truth, and never none."""
    if value is None:
        raise UnsafeStatementError(f"a partition without a value of {column} has no name")
    if isinstance(value, bool):
        literal: exp.Expr = exp.Boolean(this=value)
    else:
        literal = exp.Literal.number(value) if isinstance(value, int) else exp.Literal.string(str(value))
    return exp.EQ(this=exp.column(exp.to_identifier(column, quoted=True)), expression=literal)


def _access(kind: type[exp.Expr], schema: str, principal: str, privileges: Sequence[str]) -> exp.Expr:
    if not privileges or not all(_PRIVILEGE.fullmatch(each) for each in privileges):
        raise UnsafeStatementError(f"{privileges} are no privileges")
    if not is_principal(principal):
        raise UnsafeStatementError(f"{principal!r} is no name of a user, group or service principal")
    return kind(
        privileges=[exp.GrantPrivilege(this=exp.Var(this=each)) for each in privileges],
        kind="SCHEMA",
        securable=table_tree(schema),
        principals=[exp.GrantPrincipal(this=exp.to_identifier(principal, quoted=True))],
    )


def _schema(schema: str) -> exp.Table:
    """As sqlglot has it where a statement makes or drops a schema: nothing in the place of the table."""
    *catalog, name = _identifiers(schema)
    return exp.Table(this=None, db=name, catalog=catalog[0] if catalog else None)


def table_tree(name: str) -> exp.Table:
    """The name of a table or a schema, each part checked and quoted. Raises UnsafeStatementError."""
    *rest, table = _identifiers(name)
    database, catalog = (rest[-1] if rest else None), (rest[0] if len(rest) > 1 else None)
    return exp.Table(this=table, db=database, catalog=catalog)


def _identifiers(name: str) -> list[exp.Identifier]:
    parts = name.lower().split(".")
    if len(parts) > 3:
        raise UnsafeStatementError(f"{name!r} is no name of a schema or table")
    return [exp.to_identifier(checked_name(part), quoted=True) for part in parts]


def is_name(name: str) -> bool:
    """Whether dagbranch takes this for the name of a catalog, schema or table."""
    return _NAME.fullmatch(name) is not None


def is_principal(name: str) -> bool:
    """Whether this can name a user, group or service principal."""
    return _PRINCIPAL.fullmatch(name) is not None


def checked_name(name: str) -> str:
    if not is_name(name):
        raise UnsafeStatementError(f"{name!r} is no name of a catalog, schema or table: letters, digits, _ and - are")
    return name.lower()
