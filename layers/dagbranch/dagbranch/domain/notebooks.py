"""Takes notebooks apart into Python and SQL: Jupyter's JSON, and Databricks' sources with their magic commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Language = Literal["python", "sql", "other", "text"]

_MARKED: Final = "Databricks notebook source"
_COMMAND: Final = re.compile(r"(?:#|--) COMMAND -{5,}\s*")
_MAGIC: Final = re.compile(r"(?:#|--) MAGIC ?")
_LANGUAGE: Final = re.compile(r"\s*%{1,2}(\w+)[^\S\n]*(.*)")
_LANGUAGES: Final[dict[str, Language]] = {
    **dict.fromkeys(("python", "py", "pyspark", "capture", "time", "timeit"), "python"),
    **dict.fromkeys(("sql", "sparksql", "bigquery"), "sql"),
    **dict.fromkeys(("md", "markdown", "html", "latex", "fs", "pip", "conda", "writefile", "run"), "text"),
}
_BEGINS_QUERY: Final = re.compile(
    r"(?:SELECT|WITH|INSERT|MERGE|UPDATE|DELETE|CREATE|DROP|ALTER|TRUNCATE|USE|COPY)\b", re.IGNORECASE
)
# A command of the shell or of the notebook itself, alone or as a value.
_COMMAND_LINE: Final = re.compile(r"^(\s*(?:[\w, ]+=\s*)?)[!%].*$")


@dataclass(frozen=True)
class Cell:
    """``lines``: where each line of the text is in the file."""

    language: Language
    text: str
    lines: Sequence[int]


def is_databricks_notebook(source: str) -> bool:
    return source.lstrip("\ufeff").split("\n", 1)[0].lstrip("#- ").strip() == _MARKED


def databricks_cells(source: str, own: Literal["python", "sql"]) -> Iterator[Cell]:
    """``own``: the language of what is no magic command."""
    cell: list[tuple[int, str]] = []
    for number, line in enumerate([*source.split("\n"), "# COMMAND ----------"], 1):
        if _COMMAND.fullmatch(line):
            yield from _databricks_cell(cell, own)
            cell = []
        else:
            cell.append((number, line))


def _databricks_cell(cell: list[tuple[int, str]], own: Literal["python", "sql"]) -> Iterator[Cell]:
    """A cell of another language is all magic; single magic lines within a cell of its own are no SQL."""
    magic = [(number, _MAGIC.sub("", line, count=1)) for number, line in cell if _MAGIC.match(line)]
    if not magic or not _LANGUAGE.match(magic[0][1]):
        yield _cell(own, cell)
    else:
        yield from _magic_cell(magic)


def _magic_cell(lines: list[tuple[int, str]]) -> Iterator[Cell]:
    number, first = lines[0]
    found = _LANGUAGE.match(first)
    if found is None:
        return
    language = _LANGUAGES.get(found[1].lower(), "other")
    keeps = language != "sql" or _BEGINS_QUERY.match(found[2])
    yield _cell(language, [(number, found[2] if keeps and language == "sql" else ""), *lines[1:]])


def jupyter_cells(source: str) -> Iterator[Cell]:
    """Raises ValueError, TypeError or KeyError for what is no notebook."""
    notebook = json.loads(source)
    cells = notebook["cells"]
    place = _Place(source)
    is_python = "python" in str(notebook.get("metadata", {})).lower() or not notebook.get("metadata")
    for cell in cells:
        lines = [(place.line_of(one), one.removesuffix("\n")) for one in _source_lines(cell)]
        if not isinstance(cell, dict) or cell.get("cell_type") != "code" or not lines:
            continue
        if lines[0][1].lstrip().startswith("%%"):
            yield from _magic_cell(lines)
        elif not is_python:
            yield _cell("other", lines)
        else:
            yield from _line_magics(lines)
            yield _cell("python", [(number, _COMMAND_LINE.sub(r"\1None", line)) for number, line in lines])


def _line_magics(lines: list[tuple[int, str]]) -> Iterator[Cell]:
    """``%sql SELECT 1`` and ``rows = %sql SELECT 1`` on one line."""
    for number, line in lines:
        if found := re.search(r"%sql\s+(.+)", line):
            yield _cell("sql", [(number, found[1])])


def _source_lines(cell: Any) -> list[str]:
    source = cell.get("source", []) if isinstance(cell, dict) else []
    found = source.splitlines(keepends=True) if isinstance(source, str) else source
    return [str(one) for one in found]


class _Place:
    """Where in the JSON each line of a cell stands; a notebook that is one line has all of them there."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._line = 1

    def line_of(self, text: str) -> int:
        for as_ascii in (True, False):
            found = self._source.find(json.dumps(text, ensure_ascii=as_ascii)[1:-1], self._position)
            if found >= 0:
                self._line += self._source.count("\n", self._position, found)
                self._position = found
                break
        return self._line


def _cell(language: Language, lines: list[tuple[int, str]]) -> Cell:
    return Cell(language, "\n".join(line for _, line in lines), [number for number, _ in lines])
