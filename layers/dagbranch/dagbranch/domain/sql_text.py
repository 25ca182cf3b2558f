"""SQL that is put together of pieces of a file: its text, the line of each position, and what is not known of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

# Stands where only running the pipeline would tell the text.
HOLE: Final = "dagbranch__unknown__text"
_SCHEMA: Final = "dagbranch__schema__"
_END: Final = "__of_dagbranch"
_OWN_SCHEMA: Final = re.compile(rf"{_SCHEMA}(\w+){_END}")
# What Spark and Databricks put in place of variables: ${hiveconf:day}, ${schema}.
_VARIABLE: Final = re.compile(r"\$\{[^{}\n]*\}")


def schema_call(name: str) -> str:
    """What stands for ``schema("name")``: with anything before or behind it, it is no declared schema."""
    return f"{_SCHEMA}{name}{_END}" if name.isidentifier() else HOLE


def certain_name(part: str) -> str | None:
    """A part of a table's name in lower case, or None where it is not certain."""
    name = part.lower()
    if own := _OWN_SCHEMA.fullmatch(name):
        name = own[1]
    return None if HOLE in name or _SCHEMA in name or _END in name else name


class SqlText:
    """Grows piece by piece; positions are offsets in ``text()``."""

    def __init__(self, text: str = "", line: int = 1) -> None:
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._lines: list[int] = []
        self._length = 0
        if text:
            self.add(text, line)

    def add(self, text: str, line: int) -> None:
        """``line``: where in the file the piece begins. Variables in it become holes."""
        end = 0
        for variable in _VARIABLE.finditer(text):
            line = self._append(text[end : variable.start()], line)
            self._append(HOLE, line)
            end = variable.end()
        self._append(text[end:], line)

    def _append(self, text: str, line: int) -> int:
        """The line after it."""
        for piece in text.splitlines(keepends=True):
            self._pieces.append(piece)
            self._starts.append(self._length)
            self._lines.append(line)
            self._length += len(piece)
            line += piece.endswith("\n")
        return line

    def text(self) -> str:
        return "".join(self._pieces)

    def line_at(self, position: int) -> int:
        return self._lines[max(bisect_right(self._starts, position) - 1, 0)] if self._lines else 1

    @property
    def last(self) -> str:
        """The last character, for what is glued to it."""
        return self._pieces[-1][-1] if self._pieces else ""
