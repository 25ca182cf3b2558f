"""Which tables SQL reads and which it writes, statement by statement, without a warehouse.

What is not understood is unknown, at its line; nothing is taken to be only read because it was not understood.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Final

from sqlglot import exp
from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from dagbranch.domain.sql_commands import Role, read_command
from dagbranch.domain.sql_roles import roles_in
from dagbranch.domain.sql_statements import (
    UnclearSqlError,
    changes_begun,
    check_bounds,
    is_conditional,
    name_length,
    simple_statements,
    statements,
    tokenized,
    word,
    words,
)
from dagbranch.domain.sql_text import HOLE, SqlText, certain_name
from dagbranch.domain.sql_wording import in_known_words, without_holes
from dagbranch.domain.table_uses import Uses

# It warns of every statement that it keeps as text; here these are read by other means, or unknown.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_LONGEST_SQL: Final = 1_000_000
_FORMATS: Final = frozenset(
    {"avro", "binaryfile", "csv", "delta", "iceberg", "jdbc", "json", "orc", "parquet", "text", "xml"}
)
# They read the table that they are given the name of, as a text.
_OF_TABLES: Final = frozenset({"table_changes", "vector_search"})
_UNPARSED: Final = (SqlglotError, RecursionError, UnclearSqlError, ValueError, TypeError, AttributeError, KeyError)


def read_sql(sql: SqlText | str, *, temporary: Collection[str] = (), follows_use: bool = True) -> Uses:
    """Lines are counted from 1. A statement that is not understood makes the line where it begins unknown.

    ``temporary``: names of the session's own views. A name without a schema is known only after ``USE``, and with
    ``follows_use`` false not even then.
    """
    text = SqlText(sql) if isinstance(sql, str) else sql
    reader = SqlReader(text, temporary=temporary, follows_use=follows_use)
    reader.read()
    return reader.uses


class SqlReader:
    """One session: what ``USE`` and temporary views change holds for the statements after them.

    ``schemas``: what each ``USE`` set, None where that is not known.
    """

    def __init__(self, text: SqlText, *, temporary: Collection[str] = (), follows_use: bool = True) -> None:
        self.uses = Uses()
        self.schemas: list[str | None] = []
        self.temporary = set(temporary)
        self._follows_use = follows_use
        self._schema: str | None = None
        self._text = text
        self._parser = Databricks().parser(error_level=ErrorLevel.IMMEDIATE)

    def read(self) -> None:
        sql = self._text.text()
        if len(sql) > _LONGEST_SQL:
            self.uses.unknown.add(self._text.line_at(0))
            return
        for statement in statements(sql):
            self._offset = statement.offset
            try:
                if not statement.tokens:
                    raise UnclearSqlError
                self._follows_use &= not is_conditional(statement.tokens)
                check_bounds(statement.tokens)
                for tokens in simple_statements(statement.tokens):
                    self._statement(tokens)
            except _UNPARSED:
                self.uses.unknown.add(self._text.line_at(statement.position()))

    def _statement(self, tokens: Sequence[Token]) -> None:
        if HOLE in tokens[0].text:
            self._unknown(tokens[0])
            tokens = tokens[1:]
            if not tokens:
                return
        found = in_known_words(tokens)
        if not found:
            raise UnclearSqlError
        first = word(found[0])
        if first == "USE" or words(found[:2]) == ["SET", "CATALOG"]:
            self._use(found)
        elif words(found[:2]) == ["EXECUTE", "IMMEDIATE"] and not changes_begun(found):
            self._execute(found)
        else:
            self._parsed_or_command(found)

    def _parsed_or_command(self, tokens: Sequence[Token]) -> None:
        root = self._parsed(tokens)
        begun = changes_begun(tokens)
        if len(begun) > (_changes_of(root, tokens, begun) if begun else 0):
            raise UnclearSqlError
        if root is not None:
            self._tree(root)
            return
        for role, name in read_command(tokens):
            self._note(role, [token.text for token in name[::2]], name[0].start)

    def _parsed(self, tokens: Sequence[Token]) -> exp.Expr | None:
        for attempt in without_holes(tokens):
            try:
                (root,) = self._parser.parse(list(attempt), self._text.text())
            except Exception:  # noqa: BLE001, S112 - what it raises on texts that it does not know is its own affair
                continue
            if root is not None and not isinstance(root, exp.Command | exp.Alias | exp.Column):
                return root
        return None

    def _tree(self, root: exp.Expr) -> None:
        roles = roles_in(root)
        for table in roles.written:
            self._table(table, "written")
        for table in roles.read:
            self._table(table, "read")
        if roles.incomplete:
            raise UnclearSqlError
        if roles.temporary is not None:
            self.temporary.add(roles.temporary.name.lower())

    def _table(self, table: exp.Table, role: Role) -> None:
        parts = table.parts
        position = next((part.meta["start"] for part in parts if "start" in part.meta), None)
        if isinstance(table.this, exp.Func):
            self._function(table.this)
        elif not all(isinstance(part, exp.Identifier) for part in parts):
            self._unknown_at(position)
        elif not (role == "read" and len(parts) == 1 and _is_of_query(table)):
            self._note(role, [part.name for part in parts], position)

    def _function(self, function: exp.Func) -> None:
        if function.name.lower() not in _OF_TABLES:
            return
        given = next(iter(function.expressions), None)
        if not (isinstance(given, exp.Literal) and given.is_string):
            raise UnclearSqlError
        self._note("read", given.name.split("."), given.meta.get("start"))

    def _note(self, role: Role, parts: Sequence[str], position: int | None) -> None:
        """A path is no table of a schema; but what writes to it may write the files of one."""
        is_path = any(mark in parts[-1] for mark in "/:") and (len(parts) == 1 or parts[0].lower() in _FORMATS)
        if is_path and role == "read":
            return
        names = [certain_name(part) for part in parts]
        if len(names) == 1 and names[0] is not None:
            if role == "read" and names[0] in self.temporary:
                return
            names = self._in_schema(names[0])
        name = ".".join(one or "" for one in names)
        if is_path or not 2 <= len(names) <= 3 or None in names or any("." in (one or ".") for one in names):
            self._unknown_at(position)
        elif names[0] != "global_temp":
            lines = self.uses.read if role == "read" else self.uses.written
            lines[name].add(self._line(position))

    def _in_schema(self, name: str) -> list[str | None]:
        if name in self.temporary or self._schema is None or not self._follows_use:
            return [None, None]
        return [*self._schema.split("."), name]

    def _use(self, tokens: Sequence[Token]) -> None:
        """Two-level names are what they are written as, whatever the catalog."""
        said = words(tokens[1:2])  # behind SET, CATALOG is all that comes here
        rest = tokens[2:] if said[0:1] in (["SCHEMA"], ["DATABASE"], ["NAMESPACE"], ["CATALOG"]) else tokens[1:]
        names = [certain_name(token.text) for token in rest[::2]]
        is_known = said != ["CATALOG"] and name_length(rest) == len(rest) and None not in names
        self._schema = ".".join(name or "" for name in names) if is_known else None
        self.schemas.append(self._schema)
        if name_length(rest) != len(rest):
            raise UnclearSqlError

    def _execute(self, tokens: Sequence[Token]) -> None:
        """What is put together at run time cannot be read."""
        after = words(tokens[3:4])
        if len(tokens) < 3 or tokens[2].token_type is not TokenType.STRING or after not in ([], ["INTO"], ["USING"]):
            raise UnclearSqlError
        inner = SqlReader(SqlText(tokens[2].text), temporary=self.temporary, follows_use=self._follows_use)
        inner._schema = self._schema
        inner.read()
        line = self._line(tokens[2].start)
        self.uses.add(inner.uses, lambda _: line)

    def _unknown(self, token: Token) -> None:
        self._unknown_at(token.start)

    def _unknown_at(self, position: int | None) -> None:
        self.uses.unknown.add(self._line(position))

    def _line(self, position: int | None) -> int:
        if position is None:
            raise UnclearSqlError
        return self._text.line_at(self._offset + position)


def _changes_of(root: exp.Expr | None, tokens: Sequence[Token], begun: Sequence[int]) -> int:
    """How many changes the statement may begin."""
    if isinstance(root, exp.MultitableInserts):
        return len(root.expressions)
    is_led_in = isinstance(root, exp.Insert | exp.Update | exp.Delete | exp.Merge) and word(tokens[0]) == "WITH"
    return 1 if is_led_in or begun[0] == 0 else 0


def _is_of_query(table: exp.Table) -> bool:
    """Whether the name is that of a common table expression that is seen from there.

    One does not see itself, unless it is recursive, nor those after it: ``WITH t AS (SELECT * FROM t)`` reads a table.
    """
    name = table.name.lower()
    inside: exp.Expr = table
    while (node := inside.parent) is not None:
        found = node.args.get("with_")
        if isinstance(inside, exp.CTE) and isinstance(node, exp.With):
            before = node.expressions[: node.expressions.index(inside) + bool(node.args.get("recursive"))]
            if any(one.alias.lower() == name for one in before):
                return True
            # The statement that it belongs to has been looked at with it.
            inside, node = node, node.parent
        elif isinstance(found, exp.With) and any(one.alias.lower() == name for one in found.expressions):
            return True
        inside = inside if node is None else node
    return False


def session_views(sql: str) -> set[str]:
    """The names of the temporary views that a text makes, for others that run in the same session."""
    try:
        reader = SqlReader(SqlText(sql))
        tokenized(sql)
    except SqlglotError:
        return set()
    reader.read()
    return reader.temporary
