"""Puts statements into words that sqlglot's parser knows: it rejects some forms, misreads others, knows no holes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from dagbranch.domain.sql_statements import UnclearSqlError, made, name_length, tokenized, word, words
from dagbranch.domain.sql_text import HOLE

_BEFORE_TABLE: Final = frozenset({"AS", "(", "ALL", "DISTINCT", "UNION", "EXCEPT", "INTERSECT", "MINUS"})
_QUERY: Final = frozenset({"SELECT", "WITH", "FROM", "VALUES", "TABLE", "MAP", "REDUCE"})
_VERSION: Final = re.compile(r"V\d+|\d{17}")
_LATER: Final = frozenset({"SYSTEM_VERSION", "VERSION", "SYSTEM_TIME", "TIMESTAMP"})
# Behind these, what is not known is a table; anywhere else it may be left out where the rest makes no sense with it.
_BEFORE_TABLES: Final = frozenset(
    {"FROM", "INTO", "JOIN", "OVERWRITE", "TABLE", "UPDATE", "USING", "VIEW", "CLONE", "LIKE", ".", ","}
)


def in_known_words(tokens: Sequence[Token]) -> list[Token]:
    """The same statement as sqlglot's parser knows it, where it is known to reject or to misread it as it stands."""
    said = set(words(tokens))
    found = _with_plain_names(tokens)
    found = _with_names(found) if "IDENTIFIER" in said else found
    first = word(found[0])
    if first == "EXPLAIN":
        found = found[2:] if words(found[1:2])[0:1] and word(found[1]) in _EXPLAINED else found[1:]
        first = words(found[:1])[0] if found else ""
    if first in {"MERGE", "INSERT"}:
        found = _without(found, "WITH", "SCHEMA", "EVOLUTION") if "EVOLUTION" in said else found
    if first == "MERGE" and "WHEN" not in said:  # it stands where nothing is known
        found += [made(token.token_type, token.text, found[-1]) for token in _WHEN]
    if first == "INSERT":
        found = _query_of_directory(_without(found, "IF", "NOT", "EXISTS"))
    if words(found[:2]) == ["REPLACE", "TABLE"]:
        found = [*(made(_TYPES[text], text, found[0]) for text in ("CREATE", "OR")), *found]
    found = _with_plain_versions(found) if {"FOR", "OF"} <= said else found
    found = _with_shallow_clone(found) if "CLONE" in said else found
    return _with_select(found) if "TABLE" in said else found


_EXPLAINED: Final = frozenset({"EXTENDED", "FORMATTED", "COST", "CODEGEN", "LOGICAL", "ANALYZE"})
_WHEN: Final = tokenized("WHEN MATCHED THEN DELETE")
_TYPES: Final = {"CREATE": TokenType.CREATE, "OR": TokenType.OR}


def _with_plain_names(tokens: Sequence[Token]) -> list[Token]:
    """Behind a dot every word is a name, ``raw.values``; and ``raw.x@v3`` is the table at another time."""
    found: list[Token] = []
    before = ""
    for token, said in zip(tokens, words(tokens), strict=True):
        if before == "." and said.isidentifier() and token.token_type is not TokenType.VAR:
            found.append(made(TokenType.VAR, token.text, token))
        elif said == ")" and before == HOLE.upper() and words(found[-2:-1]) == ["AS"]:  # CAST(x AS …)
            found[-1:] = [made(TokenType.TEXT, "STRING", found[-1]), token]
        elif before == "@" and _VERSION.fullmatch(said):
            found.pop()
        else:
            found.append(token)
        before = said
    return found


def _with_names(tokens: Sequence[Token]) -> list[Token]:
    """``IDENTIFIER('a.b')`` as the name that it is, or as a hole."""
    found: list[Token] = []
    index = 0
    while index < len(tokens):
        if word(tokens[index]) == "IDENTIFIER" and words(tokens[index + 1 : index + 2]) == ["("]:
            end = _closing(tokens, index + 1)
            found += _name(tokens[index + 2 : end], tokens[index])
            index = end + 1
        else:
            found.append(tokens[index])
            index += 1
    return found


def _closing(tokens: Sequence[Token], opening: int) -> int:
    depth = 0
    for index in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(word(tokens[index]), 0)
        if depth == 0:
            return index
    raise UnclearSqlError


def _name(inside: Sequence[Token], at: Token) -> list[Token]:
    texts = [token.text for token in inside[::2] if token.token_type is TokenType.STRING]
    if len(texts) == len(inside[::2]) and set(words(inside[1::2])) <= {"||"}:
        try:
            name = tokenized("".join(texts))
        except TokenError:
            name = []
        if name and name_length(name) == len(name):
            return [made(token.token_type, token.text, at) for token in name]
    return [made(TokenType.VAR, HOLE, at)]


def _without(tokens: Sequence[Token], *phrase: str) -> list[Token]:
    """Without the phrase, where it stands before any query or value."""
    for index, found in enumerate(words(tokens)):
        if words(tokens[index : index + len(phrase)]) == list(phrase):
            return [*tokens[:index], *tokens[index + len(phrase) :]]
        if found in {"SELECT", "VALUES"}:
            break
    return list(tokens)


def _query_of_directory(tokens: list[Token]) -> list[Token]:
    """``INSERT OVERWRITE DIRECTORY`` writes files: what is left is the query that it writes."""
    if "DIRECTORY" not in words(tokens[:4]):
        return tokens
    for index, found in enumerate(words(tokens)):
        if found in _QUERY:
            return tokens[index:]
    raise UnclearSqlError


def _with_plain_versions(tokens: list[Token]) -> list[Token]:
    """``FOR SYSTEM_VERSION AS OF`` as ``VERSION AS OF``."""
    found: list[Token] = []
    for index, token in enumerate(tokens):
        after = words(tokens[index + 1 : index + 4])
        if word(token) == "FOR" and after[1:] == ["AS", "OF"] and after[0] in _LATER:
            continue
        if word(token).startswith("SYSTEM_") and found and words(tokens[index - 1 : index]) == ["FOR"]:
            plain = word(token).removeprefix("SYSTEM_").replace("TIME", "TIMESTAMP")
            found += tokenized(plain) and [made(tokenized(plain)[0].token_type, plain, token)]
        else:
            found.append(token)
    return found


def _with_shallow_clone(tokens: list[Token]) -> list[Token]:
    """``DEEP CLONE t VERSION AS OF 3`` as ``SHALLOW CLONE t``: what it reads and writes is the same."""
    kinds = words(tokens)
    at = kinds.index("CLONE") if kinds[0] == "CREATE" else 0
    if not at:
        return tokens
    end = at + 1 + name_length(tokens[at + 1 :])
    if kinds[at - 1] == "DEEP":
        tokens = [*tokens[: at - 1], made(TokenType.VAR, "SHALLOW", tokens[at - 1]), *tokens[at:]]
    if kinds[end + 1 : end + 3] == ["AS", "OF"]:
        tokens = [*tokens[:end], *tokens[end + 4 :]]
    return tokens


def _with_select(tokens: list[Token]) -> list[Token]:
    """``TABLE a.b`` where a query may stand as ``SELECT * FROM a.b``."""
    found: list[Token] = []
    before = "("
    for index, (token, said) in enumerate(zip(tokens, words(tokens), strict=True)):
        may_stand, before = before in _BEFORE_TABLE, said
        if said == "TABLE" and may_stand and name_length(tokens[index + 1 :]):
            kinds = (TokenType.SELECT, "SELECT"), (TokenType.STAR, "*"), (TokenType.FROM, "FROM")
            found += [made(kind, text, token) for kind, text in kinds]
        else:
            found.append(token)
    return found


def without_holes(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """As it is; without what is not known behind a whole expression; without all of it where no table can stand."""
    yield tokens
    before = [None, *tokens]
    loose = [index for index, token in enumerate(tokens) if token.text == HOLE and _stands_alone(tokens, index)]
    for kept in (_is_operand, lambda _: True):
        dropped = {index for index in loose if kept(before[index]) and _may_go(before[index])}
        if dropped:
            yield [token for index, token in enumerate(tokens) if index not in dropped]


def _stands_alone(tokens: Sequence[Token], index: int) -> bool:
    token = tokens[index]
    follows = index and tokens[index - 1].end + 1 == token.start and word(tokens[index - 1]) not in {"(", ","}
    glued = index + 1 < len(tokens) and token.end + 1 == tokens[index + 1].start
    return not follows and not (glued and word(tokens[index + 1]) not in {")", ",", ";"})


def _may_go(before: Token | None) -> bool:
    return before is None or word(before) not in _BEFORE_TABLES


def _is_operand(token: Token | None) -> bool:
    kinds = {TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER, TokenType.R_PAREN, TokenType.STAR}
    return token is not None and (token.token_type in kinds or word(token) == "END")
