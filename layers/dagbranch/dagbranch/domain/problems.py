"""What the author of a pull request has to mend, place by place: the lines of a message that name a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PLACE: Final = re.compile(r"(?P<path>[^\s:][^:\n]*?)(?::(?P<line>[1-9]\d{0,8}))?: (?P<text>\S.*)")
_FILE: Final = re.compile(r"(?:[^/]+/)*[^/\s]+\.[A-Za-z0-9_]{1,12}")


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
        if told is not None and _FILE.fullmatch(told["path"]):
            found.append(Problem(told["path"], int(told["line"]) if told["line"] else None, told["text"]))
    return tuple(found)
