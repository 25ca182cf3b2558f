"""What one file of a repository says about others, from its own content alone: the model, and how texts are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dagbranch.domain.path_expressions import ANYTHING, is_placed

LONGEST_NAME: Final = 400
LARGEST_TEXT_BYTES: Final = 1_000_000
_TOKEN: Final = re.compile(r"[^\s'\"`(){}\[\]<>,;:=|&$%*?!\\#]+")
_NEVER_A_NAME: Final = frozenset({"__init__.py", ".", "..", ""})
# A template that takes in another one by anything but its written name.
_UNTOLD_INCLUDE: Final = re.compile(r"\{%[-+]?\s*(?:include|import|from|extends)\s++(?!['\"][^'\"]+['\"]\s*+[^~+|])")
_ARTIFACT: Final = re.compile(r"\bartifact\s*\(\s*(?:['\"](\w+)['\"]\s*\))?")


@dataclass(frozen=True)
class Import:
    """``from <level dots><module> import <names>``; no names for ``import module``, ``*`` for all of a package."""

    level: int
    module: str
    names: tuple[str, ...] = ()


@dataclass
class Reading:
    """``patterns`` are as ``path_expressions`` has them; ``entries``: the folders that it adds to ``sys.path``.

    ``opens_untold``: it opens a file whose name nothing in it tells. ``references`` are the DAG ids that it triggers or
    waits for, ``untold_references`` the lines of those that are not written out. ``artifacts``: the names that it asks
    for, ``*`` where that cannot be told. ``may_make_dags``: it calls something that is named after DAGs or assets.
    """

    imports: set[Import] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)
    entries: set[str] = field(default_factory=set)
    opens_untold: bool = False
    dag_ids: set[str] = field(default_factory=set)
    references: set[str] = field(default_factory=set)
    untold_references: set[int] = field(default_factory=set)
    artifacts: set[str] = field(default_factory=set)
    may_make_dags: bool = False

    def note_text(self, text: str) -> None:
        """Whatever of a text could be the name of a file or of a module."""
        whole = text.strip()
        if len(whole) <= LONGEST_NAME and "\n" not in whole and whole not in _NEVER_A_NAME:
            self.names.add(whole.removeprefix("./"))
        self.note_template(text)

    def note_template(self, text: str) -> None:
        if "." in text or "/" in text:
            self.names.update(_names_in(text))
        if "{%" in text and _UNTOLD_INCLUDE.search(text):
            self.opens_untold = True
        if "artifact" in text:
            self.artifacts.update(match[1] or ANYTHING for match in _ARTIFACT.finditer(text))

    def note_path(self, pattern: str, *, below: bool = False, otherwise: str = ANYTHING) -> None:
        """A path that is used: of a folder, what is below it. What is only known as anything is ``otherwise``."""
        if says_nothing(pattern):
            self.patterns.add(otherwise)
        elif below:
            self.patterns.add(f"{pattern.rstrip('/')}/*")
        elif ANYTHING in pattern or is_placed(pattern):
            self.patterns.add(pattern)
        else:
            self.names.add(pattern)


def says_nothing(pattern: str) -> bool:
    return not pattern.strip("*/.")


def unreadable() -> Reading:
    """What cannot be read may mean anything."""
    return Reading(patterns={ANYTHING}, may_make_dags=True)


def read_text(content: bytes) -> Reading:
    """A template, a query, a configuration."""
    reading = Reading()
    if len(content) > LARGEST_TEXT_BYTES:
        reading.opens_untold = True
    elif b"\x00" not in content[:8_000]:
        reading.note_template(content.decode(errors="replace"))
    return reading


def _names_in(text: str) -> Iterator[str]:
    for token in set(_TOKEN.findall(text)):
        if ("." in token or "/" in token) and len(token) <= LONGEST_NAME and token not in _NEVER_A_NAME:
            yield token.rstrip(".").removeprefix("./")
