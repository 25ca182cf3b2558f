"""Which tables a pipelines repository reads and which it writes, told from its files alone.

What cannot be told is unknown, with its place: nothing is taken to be only read because it was not understood.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dagbranch.domain.dbt_project import read_dbt_projects
from dagbranch.domain.naming import folder_prefix
from dagbranch.domain.notebook_sql import read_databricks_notebook, read_jupyter_notebook
from dagbranch.domain.notebooks import is_databricks_notebook
from dagbranch.domain.path_expressions import ANYTHING, path_matches
from dagbranch.domain.python_sql import IsFile, read_python_sql
from dagbranch.domain.sql_templates import read_template
from dagbranch.domain.sql_text import HOLE
from dagbranch.domain.table_uses import Uses
from dagbranch.domain.wheels import without_wheels

_MOST_BYTES: Final = 1_000_000
_MOST_BYTES_IN_ALL: Final = 20_000_000
_SQL: Final = re.compile(r"\.(?:sql|hql)(?:\.j2|\.jinja2?)?\Z", re.IGNORECASE)
_NOT_READ: Final = re.compile(
    r"\.(?:ya?ml|json|toml|ini|cfg|conf|properties|sh|scala|java|kt|r|j2|jinja2?)\Z", re.IGNORECASE
)
# Code that is packed, or compiled.
_CLOSED: Final = (".jar", ".whl", ".egg", ".zip")
_CHANGES: Final = re.compile(
    rb"\b(?:insert\s+(?:into|overwrite)|merge\s+into|delete\s+from|truncate\s+table|copy\s+into"
    rb"|create\s+(?:or\s+replace\s+)?(?:table|view)|saveAsTable|insertInto|writeTo)\b",
    re.IGNORECASE,
)
# Python without any of it uses no table, and need not be parsed.
_MAY_USE_TABLES: Final = re.compile(
    rb"sql|execut|table|hook|query|statement|dlt|insert|merge|truncate|select|delete\s+from|update\s+\S+\s+set|delta",
    re.IGNORECASE,
)
_BROKEN: Final = (RecursionError, MemoryError, ValueError)


@dataclass(frozen=True)
class Detected:
    """Places, ``path:line``, by table: as it is written, in lower case, without what the environment adds.

    ``unknown`` are the places where a table may be read or written that could not be told.
    """

    read: Mapping[str, tuple[str, ...]]
    written: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]


def detect(files: Mapping[str, bytes]) -> Detected:
    """``files`` by path; nothing of them is run."""
    of_dbt, claimed = read_dbt_projects(files)
    uses = defaultdict(Uses, of_dbt)
    is_file = _files_of_sql(files)
    size = 0
    for path in sorted(files.keys() - claimed):
        size += len(files[path])
        uses[path].add(_read(path, files[path], is_file) if size <= _MOST_BYTES_IN_ALL else _unread(path))
    return detected(uses)


def pipeline_sources(files: Mapping[str, bytes], folders: Iterable[str]) -> dict[str, bytes]:
    """What of a repository its pipelines can run: the files of the dags folder and of the artifacts' folders."""
    prefixes = tuple(map(folder_prefix, folders))
    return {
        path: content
        for path, content in without_wheels(files).items()
        if path.startswith(prefixes) and "__pycache__" not in path.split("/")
    }


def detected(uses: Mapping[str, Uses]) -> Detected:
    """What was found in each file, by its path."""
    read: defaultdict[str, list[str]] = defaultdict(list)
    written: defaultdict[str, list[str]] = defaultdict(list)
    unknown: list[str] = []
    for path, found in sorted(uses.items()):
        for places, tables in ((read, found.read), (written, found.written)):
            for table, lines in tables.items():
                places[table] += [f"{path}:{line}" for line in sorted(lines)]
        unknown += [f"{path}:{line}" for line in sorted(found.unknown)]
    return Detected(_sorted(read), _sorted(written), tuple(unknown))


def _sorted(places: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {table: tuple(places[table]) for table in sorted(places)}


def _read(path: str, content: bytes, is_file: IsFile) -> Uses:
    """What is too large, or nested too deep, is unknown."""
    if len(content) > _MOST_BYTES:
        return _unread(path)
    try:
        return _read_kind(path, content, is_file)
    except _BROKEN:
        return _unread(path)


def _read_kind(path: str, content: bytes, is_file: IsFile) -> Uses:
    if path.endswith(".py"):
        return _read_python(content, is_file)
    if path.endswith(".ipynb"):
        return read_jupyter_notebook(_text(content), is_file=is_file)
    if _SQL.search(path):
        source = _text(content)
        if is_databricks_notebook(source):
            return read_databricks_notebook(source, "sql", is_file=is_file)
        return read_template(source)
    if path.endswith(_CLOSED):
        return Uses(unknown={1})
    return _read_other(content) if _NOT_READ.search(path) else Uses()


def _read_python(content: bytes, is_file: IsFile) -> Uses:
    source = _text(content)
    if is_databricks_notebook(source):
        return read_databricks_notebook(source, "python", is_file=is_file)
    return read_python_sql(content, is_file=is_file) if _MAY_USE_TABLES.search(content) else Uses()


def _read_other(content: bytes) -> Uses:
    """Other languages and settings are not read: where their text says that it changes a table, that is unknown."""
    return Uses(unknown={content.count(b"\n", 0, match.start()) + 1 for match in _CHANGES.finditer(content)})


def _unread(path: str) -> Uses:
    is_read = path.endswith((".py", ".ipynb", *_CLOSED)) or _SQL.search(path) or _NOT_READ.search(path)
    return Uses(unknown={1} if is_read else set())


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", errors="replace")


def _files_of_sql(files: Mapping[str, bytes]) -> IsFile:
    """A path in a task is meant from any folder; where it has holes, from any folder and with any name that fits."""
    paths = [path for path in files if _SQL.search(path)]

    def is_file(text: str) -> bool:
        pattern = text.replace(HOLE, ANYTHING).lstrip("./")
        return any(path_matches(pattern, path) for path in paths)

    return is_file
