"""Which of a repository's DAG modules some changed files touch, told from the text of its files alone.

What is told here errs on one side: a module may count as touched without being so, never the other way round, as far
as the text tells. Where it does not, anything that the text leaves possible counts.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dagbranch.domain.dag_modules import is_unreadable
from dagbranch.domain.file_access import READING_CALLS
from dagbranch.domain.file_links import PACKAGE, Links
from dagbranch.domain.path_expressions import ANYTHING
from dagbranch.domain.python_reading import read_python
from dagbranch.domain.reading import LARGEST_TEXT_BYTES, Reading, read_text

_MOST_READINGS: Final = 10_000
_WORD: Final = re.compile(rb"\w+")
_FOLDER: Final = re.compile(rb"(\w+)[\"'/]")
_TEMPLATE_MARKERS: Final = frozenset({b"include", b"import", b"from", b"extends"})
# A file without any of these words leads to others only by what stands in its text of their paths.
_MARKERS: Final = frozenset(word.encode() for word in (*READING_CALLS, "__file__", "__path__", "files", "artifact"))
_STAR_IMPORT: Final = re.compile(rb"import\s*\(?\s*\*")

type _Content = tuple[bool, bytes]  # whether it is Python, and the content's digest

_readings: dict[_Content, Reading] = {}
_words: dict[_Content, frozenset[bytes] | None] = {}


@dataclass(frozen=True)
class Changes:
    """Paths within the dags folder; ``artifacts``: the folders of job code, by name, in which something changed."""

    paths: frozenset[str]
    artifacts: frozenset[str] = frozenset()


class Repository:
    """The files of a dags folder. ``deleted``: paths that a change took away, which others may still lead to.

    ``reads_all``: nothing is left unread for what it cannot lead to, which takes longer and finds the same.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        modules: Collection[str],
        deleted: Collection[str] = (),
        *,
        reads_all: bool = False,
    ) -> None:
        _forget_if_many()
        self._files = files
        self._modules = frozenset(modules)
        self._links = Links({*files, *deleted}, modules)
        self._written_out: dict[str, set[str]] = {}
        self._possible: dict[str, set[str]] = {}
        self._backwards: dict[str, set[str]] = defaultdict(set)
        self._contents = {path: _content(path, content) for path, content in files.items()}
        self._words = {path: self._words_of(path) for path in files}
        self._read({path for path, words in self._words.items() if reads_all or words is None})

    def reading(self, path: str) -> Reading:
        """A process that goes on reads only the files that a commit changed."""
        if path not in self._files:
            return Reading()
        key = self._contents[path]
        if key not in _readings:
            _readings[key] = read_python(self._files[path]) if key[0] else read_text(self._files[path])
        return _readings[key]

    def _words_of(self, path: str) -> frozenset[bytes] | None:
        key = self._contents[path]
        if key not in _words:
            _words[key] = _words_in(path, self._files[path])
        return _words[key]

    def closure(self, modules: Iterable[str]) -> set[str]:
        """All files that these modules lead to, themselves among them."""
        return _reached(modules, self._links_of)

    def touched(self, changes: Changes) -> set[str]:
        """The modules that lead to something that changed, or could."""
        if not changes.paths and not changes.artifacts:
            return set()
        leading = self._leading_to(changes.paths)
        untold = any(not path.endswith(".py") and not self._is_named(path) for path in changes.paths)
        hit = {path for path in self._written_out if self._is_hit(path, changes, untold=untold)}
        return (leading | self._leading_to(hit)) & self._modules

    def owners_of(self, paths: Collection[str]) -> set[str]:
        """The modules with the DAGs that these files trigger or wait for.

        An id that stands nowhere as a DAG's own is that of every module which has it as a text: factories take it so.
        Where a reference is not written out, any text among these files that is a DAG's id may be meant.
        """
        readings = [self.reading(path) for path in paths]
        references = {one for reading in readings for one in reading.references}
        owners = {module for dag_id in references for module in self._owners(dag_id)}
        if any(reading.untold_references for reading in readings):
            texts = {name for reading in readings for name in reading.names}
            self._read(self._modules & self._files.keys())
            owners |= {module for module in self._modules if self.reading(module).dag_ids & texts}
        return owners

    def _owners(self, dag_id: str) -> set[str]:
        keys = _keys_in(dag_id.rpartition(".")[2])
        candidates = {path for path in self._modules if self._has_any(path, keys)}
        owners = {path for path in candidates if dag_id in self.reading(path).dag_ids}
        return owners or {path for path in candidates if dag_id in self.reading(path).names}

    def _is_hit(self, path: str, changes: Changes, *, untold: bool) -> bool:
        reading = self.reading(path)
        return (
            ANYTHING in reading.patterns
            or (reading.opens_untold and untold)
            or bool(changes.artifacts and reading.artifacts & {*changes.artifacts, ANYTHING})
        )

    def _is_named(self, path: str) -> bool:
        """Whether some module leads to it by its name, not only by a pattern that it happens to match."""
        naming = {one for one in self._backwards[path] if path in self._written_out[one]}
        return not _reached(naming, lambda one: self._backwards[one]).isdisjoint(self._modules)

    def _leading_to(self, paths: Collection[str]) -> set[str]:
        """The files that lead to one of these, themselves among them."""
        reached: set[str] = set()
        fresh = {*paths}
        while fresh:
            reached |= fresh
            self._read(self._candidates(fresh))
            fresh = {one for path in fresh for one in self._backwards[path]} - reached
        return reached

    def _candidates(self, targets: Collection[str]) -> set[str]:
        """The files whose text, or whose place, may lead to one of the targets: what is not among them is not read."""
        keys = [_keys_of(path) for path in targets]
        known = None if None in keys else frozenset().union(*filter(None, keys))
        packages = tuple(path.removesuffix(PACKAGE) for path in targets if path.endswith(f"/{PACKAGE}"))
        return {path for path in self._words if path.startswith(packages) or self._has_any(path, known)}

    def _has_any(self, path: str, keys: frozenset[bytes] | None) -> bool:
        words = self._words[path]
        return keys is None or words is None or not words.isdisjoint(keys)

    def _links_of(self, path: str) -> set[str]:
        self._read([path])
        return self._written_out[path] | self._possible[path]

    def _read(self, paths: Collection[str]) -> None:
        for path in paths:
            if path not in self._written_out:
                reading = self.reading(path)
                self._written_out[path] = {*self._links.written_out(path, reading)}
                self._possible[path] = {*self._links.possible(path, reading)}
                for found in self._written_out[path] | self._possible[path]:
                    self._backwards[found].add(path)


def _content(path: str, content: bytes) -> _Content:
    return path.endswith(".py"), hashlib.sha256(content).digest()


def _forget_if_many() -> None:
    for known in (_readings, _words):
        if len(known) > _MOST_READINGS:
            known.clear()


def _words_in(path: str, content: bytes) -> frozenset[bytes] | None:
    """The words of its text, and with a slash before them those that may be a folder's; None where they do not tell
    what it leads to.
    """
    is_python = path.endswith(".py")
    if not is_python and len(content) > LARGEST_TEXT_BYTES:
        return None
    words = frozenset(_WORD.findall(content))
    if b"{%" in content and not words.isdisjoint(_TEMPLATE_MARKERS):
        return None
    if not is_python:
        return None if b"artifact" in words else words
    if not words.isdisjoint(_MARKERS) or _STAR_IMPORT.search(content) or is_unreadable(content):
        return None
    return words | frozenset(b"/" + word for word in _FOLDER.findall(content))


def _keys_of(path: str) -> frozenset[bytes] | None:
    """Words of which a text that leads to this path has at least one; None where any text may."""
    *folders, name = path.split("/")
    stem, _, suffix = name.rpartition(".")
    if name == PACKAGE:
        return _keys_in(folders[-1]) if folders else frozenset()
    found = _keys_in(stem or suffix)
    if found is None or not path.isascii():
        return None
    ends = {suffix.encode()} if stem else set()
    return found | ends | {b"/" + key for folder in folders for key in (_keys_in(folder) or ())}


def _keys_in(text: str) -> frozenset[bytes] | None:
    words = re.findall(r"\w+", text)
    return frozenset({max(words, key=len).encode()}) if words and text.isascii() else None


def _reached(begin: Iterable[str], links: Callable[[str], Iterable[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(begin)
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting.extend(links(path))
    return reached
