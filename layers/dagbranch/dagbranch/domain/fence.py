"""The fence: what a statement really does, told from its text, held against what its environment may do.

A statement passes when it is, to the letter, one that the builders make from the names found in it. So there is
no clause, no function and no second statement that the fence would have to know to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dagbranch.domain import statements
from dagbranch.domain.predicates import DIALECT, check_predicate
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.statements import Statement
from dagbranch.errors import UnsafeStatementError


@dataclass(frozen=True)
class Fence:
    """Whose statements these are, and the full names of the schemas that they may write to and read from."""

    owner: SchemaMarker
    writes: frozenset[str]
    reads: frozenset[str]

    def check(self, statement: Statement) -> None:
        """Raises UnsafeStatementError where the statement would do anything else than it may."""
        tree = _parsed(statement.sql)
        found = _rebuilt(tree, self.owner)
        if found.sql != statement.sql:
            raise UnsafeStatementError(f"{statement.sql!r} is not {found.sql!r}, which is all that it may be")
        if found != statement:
            raise UnsafeStatementError(
                f"{statement.sql!r} writes {found.writes} and reads {found.reads}, not what it says"
            )
        # A schema and a table of a schema can have one name: only the tree tells which of them is written to.
        written = found.writes[0] if tree.args.get("kind") == "SCHEMA" else _schema_of(found.writes[0])
        if written not in self.writes:
            raise UnsafeStatementError(f"{found.sql!r} writes to {written}, not to {_listed(self.writes)}")
        for read in map(_schema_of, found.reads):
            if read not in self.reads:
                raise UnsafeStatementError(f"{found.sql!r} reads from {read}, not from {_listed(self.reads)}")


def _parsed(sql: str) -> exp.Expr:
    try:
        trees = sqlglot.parse(sql, dialect=DIALECT)
    except (SqlglotError, RecursionError) as error:
        raise UnsafeStatementError(f"the fence cannot read {sql!r}") from error
    if len(trees) != 1 or trees[0] is None:
        raise UnsafeStatementError(f"{sql!r} is not one statement")
    return trees[0]


def _rebuilt(tree: exp.Expr, owner: SchemaMarker) -> Statement:
    """The statement that the builders make of the names in this tree."""
    kind = (type(tree), tree.args.get("kind"))
    if kind in {(exp.Create, "SCHEMA"), (exp.Comment, "SCHEMA")}:
        return _rebuilt_schema(tree, owner)
    rebuild = _REBUILT.get(kind, _refuse)
    return rebuild(tree)


def _rebuilt_schema(tree: exp.Expr, owner: SchemaMarker) -> Statement:
    build = statements.create_schema if isinstance(tree, exp.Create) else statements.comment_on_schema
    comment = tree.find(exp.Literal) or _refuse(tree)
    marker = SchemaMarker.parse(comment.this)
    if marker is None or not marker.same_owner(owner):
        raise UnsafeStatementError(f"{_sql(tree)!r} does not carry the marker of {owner.environment}")
    return build(_name(tree.this), marker)


def _predicate(tree: exp.Expr) -> exp.Expr | None:
    where = tree.expression.args.get("where")
    if where is None:
        return None
    check_predicate(where.this)
    return where.this  # type: ignore[no-any-return] # sqlglot's arguments are untyped


def _source(tree: exp.Expr) -> str:
    """The table after FROM; whatever else is read is lost in rebuilding, and so does not pass."""
    clause = tree.expression.args.get("from_") if isinstance(tree.expression, exp.Select) else None
    return _name(clause.this) if clause else _refuse(tree)


def _seed_note(tree: exp.Expr) -> str:
    for found in tree.find_all(exp.Property):
        if type(found) is exp.Property and found.name == statements.SEED_PROPERTY:
            return str(found.args["value"].name)
    return _refuse(tree)


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
    return statements.create_view(_name(tree.this), _source(tree), replace=bool(tree.args.get("replace")))


def _rebuilt_table(tree: exp.Expr) -> Statement:
    like = tree.find(exp.LikeProperty) or _refuse(tree)
    return statements.create_table_like(_name(tree.this), _name(like.this), _seed_note(tree))


def _rebuilt_insert(tree: exp.Expr) -> Statement:
    return statements.insert_overwrite(_name(tree.this), _source(tree), _predicate(tree))


def _rebuilt_note(tree: exp.Expr) -> Statement:
    return statements.set_seed_note(_name(tree.this), _seed_note(tree))


_REBUILT: Final[Mapping[tuple[type[exp.Expr], str | None], Callable[[exp.Expr], Statement]]] = {
    (exp.Create, "VIEW"): _rebuilt_view,
    (exp.Create, "TABLE"): _rebuilt_table,
    (exp.Insert, None): _rebuilt_insert,
    (exp.Alter, "TABLE"): _rebuilt_note,
    (exp.Drop, "SCHEMA"): lambda tree: statements.drop_schema(_name(tree.args["tables"][0])),
    (exp.Drop, "VIEW"): lambda tree: statements.drop_view(_name(tree.args["tables"][0])),
    (exp.Drop, "TABLE"): lambda tree: statements.drop_table(_name(tree.args["tables"][0])),
}
