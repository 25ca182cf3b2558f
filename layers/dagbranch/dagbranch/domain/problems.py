"""What the author of a pull request has to mend, place by place: the lines of a message that name a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# No path with a space is taken for one: `reading dags/a.py: …` is a sentence.
_PLACE: Final = re.compile(r"(?P<path>[^\s:/][^\s:]*)(?::(?P<line>[1-9]\d{0,8}))?: (?P<text>\S.*)")
_FILE: Final = re.compile(r"(?:[^/]+/)*[^/]*\.[A-Za-z0-9_]{1,12}")
# Without a line and a folder, a table's or a DAG's name looks like a file's: db_test.m_events, qu.feature1.test_dag.
_KNOWN: Final = re.compile(r".*/.*|.*\.(?:py|ya?ml|sql|txt|in|toml|json|cfg|ini|airflowignore|gitmodules)")


@dataclass(frozen=True)
class Problem:
    """``path`` is relative to the repository's root; ``line`` counts from 1, None where it is about the whole file."""

    path: str
    line: int | None
    text: str


def problems_in(message: str) -> tuple[Problem, ...]:
    """Of each line ``path:12: text`` or ``path: text``; a line that names no file is in none of them."""
    found = []
    for line in message.splitlines():
        told = _PLACE.fullmatch(line.strip())
        if told is not None and _is_in_a_repository(told["path"], told["line"]):
            found.append(Problem(told["path"], int(told["line"]) if told["line"] else None, told["text"]))
    return tuple(found)


def _is_in_a_repository(path: str, line: str | None) -> bool:
    is_file = _FILE.fullmatch(path) is not None and (line is not None or _KNOWN.fullmatch(path) is not None)
    return is_file and ".." not in path.split("/")
