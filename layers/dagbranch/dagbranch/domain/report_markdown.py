"""Text as GitHub's Markdown shows it, whoever wrote it: what comes from strangers stays text.

No mention of a person or team, no reference, link, image, HTML or block is ever made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

_MARKS: Final = re.compile(r"([\\`*_\[\]<>#|~&@!])")  # of Markdown, wherever they stand
_START: Final = re.compile(r"\A(\d*)([-+=.)])")  # of a list, of a heading's underline
# GitHub looks for mentions, addresses, issues and emojis after the escapes are gone: a character without a width
# keeps it from finding any.
_TRIGGERS: Final = re.compile(r"([@#:]|GH-)(?=\S)", re.IGNORECASE)
_WWW: Final = re.compile(r"www(?=\.)", re.IGNORECASE)
_WORD_JOINER: Final = "\u2060"
# GitHub's own advice for one that is no formula's.
_DOLLAR: Final = "<span>$</span>"
_BACKTICKS: Final = re.compile("`+")
_BAR_IN_A_TABLE: Final = "¦"  # also in code, a bar ends a table's cell

LONGEST_NAME: Final = 250  # of a DAG id
LONGEST_LINE: Final = 1_000


def prose(text: str, most: int = LONGEST_LINE) -> str:
    """One line of running text, also at the start of a line, an item, or a cell."""
    line = _START.sub(r"\1\\\2", _MARKS.sub(r"\\\1", one_line(text, most)))
    apart = _WWW.sub(rf"\g<0>{_WORD_JOINER}", _TRIGGERS.sub(rf"\1{_WORD_JOINER}", line))
    return apart.replace("$", _DOLLAR)


def code(text: str, most: int = LONGEST_NAME) -> str:
    """One line, letter by letter as it is."""
    line = one_line(text, most) or " "
    fence = "`" * (max(map(len, _BACKTICKS.findall(line)), default=0) + 1)
    is_padded = line.strip(" ") != "" and (line[0] == "`" or line[-1] == "`")
    return f"{fence} {line} {fence}" if is_padded else f"{fence}{line}{fence}"


def link(shown: str, url: str | None) -> str:
    """``shown`` is Markdown already; ``url`` is our own, its parts quoted; without one nothing leads anywhere."""
    return f"[{shown}]({url})" if url else shown


def one_line(text: str, most: int = LONGEST_LINE) -> str:
    """Without control characters, and cut to ``most`` characters."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def cell(markdown: str) -> str:
    return markdown.replace("\\|", _BAR_IN_A_TABLE).replace("|", _BAR_IN_A_TABLE)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; the cells are Markdown already."""
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def folded(summary: str, lines: Sequence[str]) -> list[str]:
    """``summary`` is words of our own: HTML."""
    return [f"<details><summary>{summary}</summary>", "", *lines, "", "</details>"]


def bounded(lines: Sequence[str], most_bytes: int, more: Callable[[int], str]) -> list[str]:
    """The first of them, and a line that says how many more there are."""
    room = most_bytes - size_of(more(len(lines))) - 1
    for count, line in enumerate(lines):
        room -= size_of(line) + 1
        if room < 0 and size_of("\n".join(lines)) > most_bytes:
            return [*lines[:count], more(len(lines) - count)]
    return list(lines)


def size_of(text: str) -> int:
    """In bytes: whatever GitHub counts, it is no more."""
    return len(text.encode())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(cell, cells))} |"
