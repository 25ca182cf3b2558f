"""A comment's Markdown as lines of plain text: what dagbranch's own comment is made of, and no more.

Links are shown by their words; what is folded away is named with the number of its lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_INLINE = re.compile(
    r"(?P<fence>`+)(?P<code>.+?)(?P=fence)(?!`)"
    r"|\[(?P<shown>(?:`[^`]*`|\\.|[^\]\\])*)\]\([^)\s]*\)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|<span>(?P<spanned>.*?)</span>"
)
_SUMMARY = re.compile(r"<details><summary>(?P<told>.*)</summary>")
_HEADING = re.compile(r"(?P<marks>#{1,6}) (?P<told>.*)")
_ITEM = re.compile(r"(?P<indent> *)- (?P<told>.*)")
_UNDERLINES = "═─"
_LARGE = 3  # headings of that many marks, or fewer
_WORD_JOINER = "\u2060"  # has no width, and keeps GitHub from making links


def rendered(markdown: str) -> list[str]:
    """Without HTML comments, with one empty line at most between two that are not, and none below a heading."""
    lines = [line for line in markdown.splitlines() if not line.startswith("<!--")]
    return list(_without_gaps(_blocks(lines)))


def plain(markdown: str) -> str:
    """One line's words."""
    return _INLINE.sub(_words, markdown).replace(_WORD_JOINER, "")


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        if line == "```":
            yield from (f"    {code}" for code in _taken(rest, "```"))
        elif line.startswith("| "):
            rows = [line, *_while(rest, "| ")]
            yield from _table(rows)
        elif (found := _SUMMARY.fullmatch(line)) is not None:
            yield _folded(found["told"], _taken(rest, "</details>"))
        else:
            yield from _line(line)


def _line(line: str) -> Iterator[str]:
    if (found := _HEADING.fullmatch(line)) is not None:
        told = plain(found["told"])
        yield told
        yield _UNDERLINES[len(found["marks"]) > _LARGE] * len(told)
    elif (found := _ITEM.fullmatch(line)) is not None:
        yield f"{found['indent']}• {plain(found['told'])}"
    else:
        yield plain(line)


def _taken(rest: list[str], end: str) -> list[str]:
    """What comes before the line ``end``; both are gone from ``rest``."""
    at = rest.index(end) if end in rest else len(rest)
    taken, rest[: at + 1] = rest[:at], []
    return taken


def _while(rest: list[str], start: str) -> Iterator[str]:
    while rest and rest[0].startswith(start):
        yield rest.pop(0)


def _table(rows: Iterable[str]) -> Iterator[str]:
    head, _, *body = [[plain(cell.strip()) for cell in row.strip().strip("|").split("|")] for row in rows]
    widths = [max(map(len, column)) for column in zip(*([head, *body]), strict=True)]
    for row in (head, ["─" * width for width in widths], *body):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _folded(told: str, lines: Sequence[str]) -> str:
    count = sum(1 for line in lines if line and not line.startswith("| ---"))
    return f"▸ {told} ({count} {'line' if count == 1 else 'lines'}, folded)"


def _without_gaps(lines: Iterable[str]) -> Iterator[str]:
    is_gap = True
    for line in lines:
        if line or not is_gap:
            yield line
        is_gap = not line.strip(_UNDERLINES)


def _words(found: re.Match[str]) -> str:
    if found["code"] is not None:
        code = found["code"]
        is_padded = code[0] == code[-1] == " " and code.strip(" ") != ""
        return code[1:-1] if is_padded else code
    if found["shown"] is not None:
        return plain(found["shown"])
    return found["escaped"] or found["spanned"] or ""
