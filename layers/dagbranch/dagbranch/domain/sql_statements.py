"""Takes SQL apart into simple statements, as tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

_BROKEN_AT: Final = re.compile(r";[^\S\n]*(?:\n|\Z)")
_CONTROL_WORDS: Final = frozenset({"IF", "ELSE", "ELSEIF", "WHILE", "FOR", "LOOP", "REPEAT", "UNTIL", "DECLARE"})
_CHANGE: Final = re.compile(
    r"(?<!\. )\b(?:(?:INSERT|MERGE) (?:WITH SCHEMA EVOLUTION )?(?:INTO|OVERWRITE)|DELETE FROM"
    r"|UPDATE \S+ \. |UPDATE \S+(?: \. \S+)*(?: (?:AS )?\w+)? SET|TRUNCATE TABLE|DROP (?:TABLE|VIEW|MATERIALIZED VIEW)"
    r"|CREATE (?:\w+ ){0,4}(?:TABLE|VIEW)(?! (?:ON|,))|REPLACE TABLE|ALTER (?:\w+ )?(?:TABLE|VIEW)|COPY INTO|LOAD DATA"
    r"|ANALYZE TABLE|(?:MSCK |FSCK )?REPAIR TABLE|UNDROP TABLE|RESTORE TABLE|REORG TABLE|CONVERT TO DELTA|SYNC TABLE"
    r"|REFRESH (?:MATERIALIZED VIEW|STREAMING TABLE)|(?:OPTIMIZE|VACUUM) \S+ \. )"
)
_MOST_TOKENS: Final = 20_000
_DEEPEST: Final = 60
_NESTING: Final = {
    **dict.fromkeys((TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE), 1),
    **dict.fromkeys((TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END), -1),
}
_QUOTED: Final = frozenset({TokenType.STRING, TokenType.RAW_STRING, TokenType.IDENTIFIER})


class UnclearSqlError(Exception):
    """A statement that is not understood; only its reader sees it."""


class _Tokenizer(Databricks.Tokenizer):
    # Else the rest of such a statement is one text that ends at the next semicolon, even at one in a string.
    COMMANDS: ClassVar[set[TokenType]] = set()


@dataclass(frozen=True)
class Statement:
    """``offset``: of the text that the tokens' own positions are in."""

    tokens: Sequence[Token]
    offset: int

    def position(self) -> int:
        return self.offset + (self.tokens[0].start if self.tokens else 0)


def tokenized(sql: str) -> list[Token]:
    """Raises TokenError, such as for a quote without its end."""
    return list(_Tokenizer(Databricks).tokenize(sql))


def statements(sql: str) -> Iterator[Statement]:
    """Those between semicolons. One that is no SQL at all has no tokens, and spoils only what it may be part of."""
    try:
        yield from _split(tokenized(sql), 0)
    except (TokenError, RecursionError):
        yield from _split_broken(sql)


def _split_broken(sql: str) -> Iterator[Statement]:
    start = 0
    ends = [match.end() for match in _BROKEN_AT.finditer(sql)]
    for end in [*ends, len(sql)]:
        piece = sql[start:end]
        try:
            yield from _split(tokenized(piece), start)
        except (TokenError, RecursionError):
            yield Statement((), start + len(piece) - len(piece.lstrip()))
        start = end


def _split(tokens: Sequence[Token], offset: int) -> Iterator[Statement]:
    start = 0
    for index, token in enumerate(tokens):
        if token.token_type is TokenType.SEMICOLON:
            if start < index:
                yield Statement(tokens[start:index], offset)
            start = index + 1
    if start < len(tokens):
        yield Statement(tokens[start:], offset)


def word(token: Token) -> str:
    """A keyword or name in upper case; what is quoted is no word."""
    return "" if token.token_type in _QUOTED else str(token.text).upper()


def words(tokens: Sequence[Token]) -> list[str]:
    return ["" if token.token_type in _QUOTED else token.text.upper() for token in tokens]


def check_bounds(tokens: Sequence[Token]) -> None:
    """A parser that goes down by recursion takes its time, or all of the stack, for what is nested without end."""
    depth = deepest = 0
    for token in tokens:
        if token.token_type in _NESTING:
            depth += _NESTING[token.token_type]
            deepest = max(deepest, depth)
    if deepest > _DEEPEST or len(tokens) > _MOST_TOKENS:
        raise UnclearSqlError


def simple_statements(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """What stands between two semicolons of a script, without its control words; conditions as ``SELECT condition``."""
    while tokens:
        first = word(tokens[0])
        if len(tokens) > 2 and word(tokens[1]) == ":":
            tokens = tokens[2:]
        elif first in {"BEGIN", "ELSE", "LOOP", "REPEAT"}:
            tokens = tokens[2:] if words(tokens[1:2]) == ["ATOMIC"] else tokens[1:]
        elif first in {"IF", "ELSEIF", "WHILE", "UNTIL"}:
            end = _control_end(tokens, {"IF": "THEN", "ELSEIF": "THEN", "WHILE": "DO", "UNTIL": "END"}[first])
            yield [made(TokenType.SELECT, "SELECT", tokens[0]), *tokens[1:end]]
            tokens = tokens[end + (first != "UNTIL") :]
        elif first == "FOR":
            end = _control_end(tokens, "DO")
            yield tokens[3:end] if words(tokens[2:3]) == ["AS"] else tokens[1:end]
            tokens = tokens[end + 1 :]
        elif first == "END" and len(tokens) <= 3:
            return
        elif first == "DECLARE" and "HANDLER" in words(tokens):
            tokens = tokens[_control_end(tokens, "BEGIN") :]
        else:
            yield tokens
            return


def changes_begun(tokens: Sequence[Token]) -> list[int]:
    """Where words stand with which a statement begins that changes a table; 0 is the beginning itself.

    More of them than the statement has by itself say that a semicolon is missing: a parser takes what follows it for
    an alias, or for more of the same.
    """
    said = " ".join(found or "`" for found in words(tokens))
    return [match.start() for match in _CHANGE.finditer(said)]


def is_conditional(tokens: Sequence[Token]) -> bool:
    """Whether what stands between two semicolons begins with words on which depends whether it runs."""
    while tokens and (word(tokens[0]) == "BEGIN" or words(tokens[1:2]) == [":"]):
        tokens = tokens[1 if word(tokens[0]) == "BEGIN" else 2 :]
    return bool(tokens) and word(tokens[0]) in _CONTROL_WORDS


def _control_end(tokens: Sequence[Token], end: str) -> int:
    """Where the word is that ends a condition; those of CASE expressions in it are not meant."""
    depth = 0
    for index, found in enumerate(words(tokens)):
        if found == end and depth == 0 and index:
            return index
        depth += (found in {"(", "CASE"}) - (found in {")", "END"})
    raise UnclearSqlError


def made(kind: TokenType, text: str, at: Token) -> Token:
    return Token(kind, text, at.line, at.col, at.start, at.end)


def name_length(tokens: Sequence[Token]) -> int:
    """How many tokens from the first on make a name: ``a``, ``.``, ``b``; 0 where there is none."""
    length = 0
    for index in range(0, len(tokens), 2):
        if not (tokens[index].token_type is TokenType.IDENTIFIER or word(tokens[index]).isidentifier()):
            return 0
        length = index + 1
        if words(tokens[length : length + 1]) != ["."]:
            return length
    return 0
