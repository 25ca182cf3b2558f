"""The fence: what a statement really does, told from its text, held against what its environment may do.

A statement passes when it is, to the letter, one that the builders make from the names found in it. So there is
no clause, no function and no second statement that the fence would have to know to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dagbranch.domain import statements
from dagbranch.domain.masks import HASH, Projected
from dagbranch.domain.predicates import DIALECT, check_predicate
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.source_allowance import SourceAllowance
from dagbranch.domain.statements import SEED_PROPERTY, VIEW_NOTE, VIEW_PROPERTY, Statement
from dagbranch.errors import UnsafeStatementError

# What taking a tree apart raises where it lacks what every tree of the builders has, or is deeper than any.
_MISSHAPEN: Final = (AttributeError, LookupError, TypeError, ValueError, RecursionError)
_DROPPED: Final = "DROPPED SCHEMA"
_NAME: Final = r"`[^`]+`(?:\.`[^`]+`){0,2}"
_VIEW: Final = re.compile(
    rf"CREATE (OR REPLACE )?VIEW ({_NAME}) (WITH SCHEMA EVOLUTION )?"  # noqa: S608 - read with, never sent
    rf"TBLPROPERTIES \('{re.escape(VIEW_PROPERTY)}'='{VIEW_NOTE}'\) AS SELECT \* FROM ({_NAME})"
)
_CLONE: Final = re.compile(
    rf"CREATE TABLE ({_NAME}) SHALLOW CLONE ({_NAME}) TBLPROPERTIES \('{re.escape(SEED_PROPERTY)}'='([\w ]*)'\)"
)


@dataclass(frozen=True)
class Fence:
    """Whose statements these are, and the full names of the schemas that they may write to and read from.

    ``suffix``: what every schema ends in that is written to. ``allowed``: what the stack lets the repository read.
    """

    owner: SchemaMarker
    writes: frozenset[str]
    reads: frozenset[str]
    suffix: str = ""
    allowed: SourceAllowance = field(default_factory=SourceAllowance.anything)

    def check(self, statement: Statement) -> None:
        """Raises UnsafeStatementError where the statement would do anything else than it may."""
        try:
            kind, found = _rebuilt(statement.sql, self.owner)
        except _MISSHAPEN as error:
            raise UnsafeStatementError(f"{statement.sql[:200]!r} is no statement of dagbranch's") from error
        if found.sql != statement.sql:
            raise UnsafeStatementError(f"{statement.sql!r} is not {found.sql!r}, which is all that it may be")
        if (found.writes, found.reads) != (statement.writes, statement.reads):
            raise UnsafeStatementError(
                f"{statement.sql!r} writes {found.writes} and reads {found.reads}, not what it says"
            )
        # A schema and a table of a schema can have one name: only the tree tells which of them is written to.
        self._check_written(
            found, found.writes[0] if kind in {"SCHEMA", _DROPPED} else _schema_of(found.writes[0]), kind
        )
        for read in map(_schema_of, found.reads):
            self._check_read(found, read)

    def _check_written(self, found: Statement, schema: str, kind: str) -> None:
        # What an earlier commit made under another suffix is dropped by its marker.
        if schema not in self.writes or not (kind == _DROPPED or schema.endswith(self.suffix)):
            raise UnsafeStatementError(f"{found.sql!r} writes to {schema}, not to {_listed(self.writes)}")

    def _check_read(self, found: Statement, schema: str) -> None:
        if schema not in self.reads:
            raise UnsafeStatementError(f"{found.sql!r} reads from {schema}, not from {_listed(self.reads)}")
        if not self.allowed.permits(schema):
            raise UnsafeStatementError(f"{found.sql!r} reads from {schema}, which this stack does not allow")


def _parsed(sql: str) -> exp.Expr:
    try:
        trees = sqlglot.parse(sql, dialect=DIALECT)
    except (SqlglotError, RecursionError) as error:
        raise UnsafeStatementError(f"the fence cannot read {sql!r}") from error
    if len(trees) != 1 or trees[0] is None:
        raise UnsafeStatementError(f"{sql!r} is not one statement")
    return trees[0]


def _rebuilt(sql: str, owner: SchemaMarker) -> tuple[str, Statement]:
    """What kind of thing is written to, and the statement that the builders make of the names in this one."""
    if view := _VIEW.fullmatch(sql):  # as good as parsed, and the many of them are the time it takes
        replace, name, follows, source = view.groups()
        return "VIEW", statements.create_view(_bare(name), _bare(source), replace=bool(replace), follows=bool(follows))
    if clone := _CLONE.fullmatch(sql):
        table, source, note = clone.groups()
        return "TABLE", statements.shallow_clone(_bare(table), _bare(source), note, None)
    tree = _parsed(sql)
    kind = tree.args.get("kind")
    if isinstance(tree, exp.Create | exp.Comment) and kind == "SCHEMA":
        return "SCHEMA", _rebuilt_schema(tree, owner)
    rebuild = _REBUILT.get((type(tree), kind), _refuse)
    return _DROPPED if isinstance(tree, exp.Drop) and kind == "SCHEMA" else str(kind or "TABLE"), rebuild(tree)


def _bare(name: str) -> str:
    """Without quotes; a dot inside of them would come out as a part of its own, and so not pass."""
    return name.replace("`", "")


def _rebuilt_schema(tree: exp.Expr, owner: SchemaMarker) -> Statement:
    build = statements.create_schema if isinstance(tree, exp.Create) else statements.comment_on_schema
    comment = tree.find(exp.Literal) or _refuse(tree)
    marker = SchemaMarker.parse(comment.this)
    if marker is None or not marker.same_owner(owner):
        raise UnsafeStatementError(f"{_sql(tree)!r} does not carry the marker of {owner.environment}")
    return build(_name(tree.this), marker)


def _predicate(tree: exp.Expr, own: Mapping[str, object]) -> exp.Expr | None:
    """The condition that the specification gave, without the partition's that follows it."""
    where = tree.expression.args.get("where")
    condition = where.this if where else None
    for _ in own:
        condition = condition.this if isinstance(condition, exp.And) else None
    if own and condition is not None:
        condition = condition.this if isinstance(condition, exp.Paren) else _refuse(tree)
    if condition is not None:
        check_predicate(condition)
    return condition


def _source(tree: exp.Expr) -> str:
    """The table after FROM; whatever else is read is lost in rebuilding, and so does not pass."""
    clause = tree.expression.args.get("from_") if isinstance(tree.expression, exp.Select) else None
    return _name(clause.this) if clause else _refuse(tree)


def _property(tree: exp.Expr, name: str) -> str:
    for found in tree.find_all(exp.Property):
        if type(found) is exp.Property and found.name == name:
            return str(found.args["value"].name)
    return _refuse(tree)


def _columns(select: exp.Expr) -> list[Projected]:
    """The columns and their masks; none for a star."""
    found = select.expressions if isinstance(select, exp.Select) else _refuse(select)
    return [] if len(found) == 1 and isinstance(found[0], exp.Star) else [_column(each) for each in found]


def _column(tree: exp.Expr) -> Projected:
    match tree:
        case exp.Column(this=exp.Identifier() as name):
            return Projected(name.name)
        case exp.Alias(this=exp.SHA2()):
            return Projected(tree.alias, "string", HASH)
        case exp.Alias(this=exp.If(args={"true": exp.Null(), "false": exp.Anonymous() as function})):
            return Projected(tree.alias, {"HASH": "int", "XXHASH64": "bigint"}.get(function.name, ""), HASH)
        case exp.Alias(this=exp.If(args={"true": exp.Column(), "false": exp.Null()})):
            return Projected(tree.alias, mask=None)
        case exp.Alias(this=exp.Cast(this=exp.Boolean() | exp.Literal() | exp.Neg() as value, to=kind)):
            return Projected(tree.alias, _sql(kind), _value(value))
    return _refuse(tree)


def _value(tree: exp.Expr) -> Any:
    return tree.to_py()


def _name(table: exp.Expr | None) -> str:
    """The full name, part by part: the builders refuse a part that is more than a word."""
    if not isinstance(table, exp.Table) or not all(isinstance(part, exp.Identifier) for part in table.parts):
        raise UnsafeStatementError("a name is expected where there is none")
    if any("." in part.name for part in table.parts):
        raise UnsafeStatementError(f"{_sql(table)!r} hides a dot in a name")
    return ".".join(part.name for part in table.parts)


def _schema_of(table: str) -> str:
    return table.rpartition(".")[0]


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "anything"


def _sql(tree: exp.Expr) -> str:
    return str(tree.sql(dialect=DIALECT))


def _refuse(tree: exp.Expr) -> NoReturn:
    raise UnsafeStatementError(f"{_sql(tree)[:200]!r} is no statement of dagbranch's")


def _rebuilt_view(tree: exp.Expr) -> Statement:
    columns, replace = _columns(tree.expression) or _refuse(tree), bool(tree.args.get("replace"))
    return statements.create_masked_view(_name(tree.this), _source(tree), columns, replace=replace)


def _rebuilt_table(tree: exp.Expr) -> Statement:
    like = tree.find(exp.LikeProperty) or _refuse(tree)
    return statements.create_table_like(_name(tree.this), _name(like.this), _property(tree, SEED_PROPERTY))


def _rebuilt_insert(tree: exp.Expr) -> Statement:
    partition = tree.this.args.get("partition")
    own = {each.this.name: _value(each.expression) for each in partition.expressions} if partition else {}
    return statements.insert_overwrite(
        _name(tree.this), _source(tree), _predicate(tree, own), columns=_columns(tree.expression), partition=own
    )


def _rebuilt_note(tree: exp.Expr) -> Statement:
    return statements.set_seed_note(_name(tree.this), _property(tree, SEED_PROPERTY))


def _rebuilt_access(tree: exp.Expr) -> Statement:
    build = statements.grant if isinstance(tree, exp.Grant) else statements.revoke
    (principal,) = tree.args["principals"]
    return build(
        _name(tree.args["securable"]), principal.this.name, [each.this.name for each in tree.args["privileges"]]
    )


_REBUILT: Final[Mapping[tuple[type[exp.Expr], str | None], Callable[[exp.Expr], Statement]]] = {
    (exp.Create, "VIEW"): _rebuilt_view,
    (exp.Create, "TABLE"): _rebuilt_table,
    (exp.Insert, None): _rebuilt_insert,
    (exp.Alter, "TABLE"): _rebuilt_note,
    (exp.Grant, "SCHEMA"): _rebuilt_access,
    (exp.Revoke, "SCHEMA"): _rebuilt_access,
    (exp.Drop, "SCHEMA"): lambda tree: statements.drop_schema(_name(tree.args["tables"][0])),
    (exp.Drop, "VIEW"): lambda tree: statements.drop_view(_name(tree.args["tables"][0])),
    (exp.Drop, "TABLE"): lambda tree: statements.drop_table(_name(tree.args["tables"][0])),
}
