"""Reads which tables a notebook uses: its cells of SQL as one session, its cells of Python as one module."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from dagbranch.domain.notebooks import Cell, databricks_cells, jupyter_cells
from dagbranch.domain.python_sql import IsFile, read_python_sql
from dagbranch.domain.sql_reading import session_views
from dagbranch.domain.sql_templates import read_template
from dagbranch.domain.syntax import UNREADABLE, parsed
from dagbranch.domain.table_uses import Uses

_VIEW: Final = re.compile(r"""TempView\(\s*['"](\w+)['"]""")
_MAY_USE_TABLES: Final = re.compile(r"spark|sql|table|jdbc|hive", re.IGNORECASE)


def read_databricks_notebook(source: str, own: Literal["python", "sql"], *, is_file: IsFile) -> Uses:
    return _read(list(databricks_cells(source, own)), is_file)


def read_jupyter_notebook(source: str, *, is_file: IsFile) -> Uses:
    """What is no notebook is unknown as a whole."""
    try:
        return _read(list(jupyter_cells(source)), is_file)
    except (ValueError, TypeError, KeyError, RecursionError):
        return Uses(unknown={1})


def _read(cells: Sequence[Cell], is_file: IsFile) -> Uses:
    """Cells of other languages that may use tables are unknown; what they do to the session is, too."""
    python = [cell for cell in cells if cell.language == "python" and cell.text.strip()]
    others = [cell for cell in cells if cell.language == "other" and _MAY_USE_TABLES.search(cell.text)]
    sql, lines = _joined([cell for cell in cells if cell.language == "sql"], "\n;")
    uses = Uses(unknown={cell.lines[0] for cell in others})
    views = {name.lower() for cell in python for name in _VIEW.findall(cell.text)}
    found = read_template(sql, temporary=views, follows_use=not (python or others))
    uses.add(found, lambda line: lines[min(line, len(lines)) - 1])
    temporary = views | session_views(sql)
    for text, places in _modules(python):
        found = read_python_sql(text, is_file=is_file, temporary=temporary)
        uses.add(found, lambda line, places=places: places[min(line, len(places)) - 1])  # type: ignore[misc] # bound now
    return uses


def _modules(cells: Sequence[Cell]) -> list[tuple[str, list[int]]]:
    """All as one module; each by itself where any of them is no Python."""
    text, lines = _joined(cells, "\n")
    try:
        parsed(text.encode())
    except UNREADABLE:
        return [(cell.text, list(cell.lines)) for cell in cells]
    return [(text, lines)] if lines else []


def _joined(cells: Sequence[Cell], end: str) -> tuple[str, list[int]]:
    """The text, and where each of its lines is; ``end`` has a line of its own behind each cell."""
    lines = [line for cell in cells for line in (*cell.lines, *cell.lines[-1:])]
    return "".join(f"{cell.text}{end}\n" if end != "\n" else f"{cell.text}\n\n" for cell in cells), lines
