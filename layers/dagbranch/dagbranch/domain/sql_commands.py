"""What statements do to tables that sqlglot has no syntax tree for, such as OPTIMIZE: by their first words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from sqlglot.tokenizer_core import Token

from dagbranch.domain.sql_statements import UnclearSqlError, name_length, word, words

Role = Literal["read", "written"]

# What changes a table, its files or what is kept about it needs a table of its own: it fails on a view.
_ON_TABLES: Final[Mapping[str, Role]] = {
    "ALTER MATERIALIZED VIEW": "written",
    "ALTER STREAMING TABLE": "written",
    "ALTER TABLE": "written",
    "COMMENT ON TABLE": "written",
    "CONVERT TO DELTA": "written",
    "FSCK REPAIR TABLE": "written",
    "MSCK REPAIR TABLE": "written",
    "OPTIMIZE": "written",
    "REFRESH MATERIALIZED VIEW": "written",
    "REFRESH STREAMING TABLE": "written",
    "REFRESH TABLE": "read",
    "REFRESH": "read",
    "REORG TABLE": "written",
    "REPAIR TABLE": "written",
    "RESTORE TABLE": "written",
    "SHOW COLUMNS FROM": "read",
    "SHOW COLUMNS IN": "read",
    "SHOW CREATE TABLE": "read",
    "SHOW PARTITIONS": "read",
    "SHOW TBLPROPERTIES": "read",
    "UNDROP TABLE": "written",
    "VACUUM": "written",
}
_OF_NO_TABLE: Final = (
    *("ADD JAR", "ADD FILE", "CLEAR CACHE", "COMMIT", "DENY", "GRANT", "ITERATE", "LEAVE", "LIST", "RESET", "REVOKE"),
    *("ROLLBACK", "SHOW", "SIGNAL", "START TRANSACTION", "TRANSACTION", "UNCACHE"),
    *("COMMENT ON CATALOG", "COMMENT ON DATABASE", "COMMENT ON SCHEMA"),
    *(f"{verb} {kind}" for verb in ("ALTER", "CREATE") for kind in ("CATALOG", "DATABASE", "SCHEMA")),
    *("CREATE OR REPLACE CATALOG", "DROP FUNCTION", "DROP TEMPORARY FUNCTION", "DROP TEMPORARY VARIABLE"),
)
# Behind the table's name they tell of a second table, or of anything.
_MORE: Final = frozenset({"SELECT", "INSERT", "INTO", "TABLE", "FROM", "USING", "MERGE"})
_LONGEST: Final = 3


def read_command(tokens: Sequence[Token]) -> list[tuple[Role, Sequence[Token]]]:
    """The names of its tables with what is done to each. Raises UnclearSqlError for what is not known."""
    said = words(tokens)
    if {"SELECT", "INTO"} <= set(said):
        raise UnclearSqlError
    if said[:2] == ["ALTER", "TABLE"] and "EXCHANGE" in said and said.count("TABLE") == 2:
        other = len(said) - said[::-1].index("TABLE")
        return [("written", _leading_name(tokens[2:])), ("written", _only_name(tokens[other:]))]
    if said[:2] == ["SYNC", "TABLE"] and "FROM" in said:
        other = said.index("FROM") + 1
        return [("written", _leading_name(tokens[2:])), ("read", _leading_name(tokens[other:]))]
    beginning = " ".join(words(tokens[: _LONGEST + 1])).split()
    for length in range(_LONGEST, 0, -1):
        phrase = " ".join(beginning[:length])
        if phrase in _ON_TABLES:
            return [(_ON_TABLES[phrase], _only_name(_after(tokens, phrase)))]
    if any(beginning[: len(phrase.split())] == phrase.split() for phrase in _OF_NO_TABLE):
        return []
    if beginning[0] in {"SET", "DECLARE"} and not _MORE.intersection(said):
        return []
    raise UnclearSqlError


def _after(tokens: Sequence[Token], phrase: str) -> Sequence[Token]:
    """One token may be two words."""
    said = 0
    for index, token in enumerate(tokens):
        if said >= len(phrase.split()):
            rest = tokens[index:]
            return rest[2:] if words(rest[:2]) == ["IF", "EXISTS"] else rest
        said += len(word(token).split())
    raise UnclearSqlError


def _only_name(rest: Sequence[Token]) -> Sequence[Token]:
    name = _leading_name(rest)
    if _MORE.intersection(words(rest[len(name) :])):
        raise UnclearSqlError
    return name


def _leading_name(rest: Sequence[Token]) -> Sequence[Token]:
    if length := name_length(rest):
        return rest[:length]
    raise UnclearSqlError
