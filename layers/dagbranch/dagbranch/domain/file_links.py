"""Where the imports, names and patterns of a file lead to among the files of a dags folder."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from dagbranch.domain.path_expressions import ANYTHING, path_matches, placed
from dagbranch.domain.reading import Import, Reading

PACKAGE: Final = "__init__.py"
# The server's own is imported already when the repository's modules are.
_NEVER_OURS: Final = frozenset({"airflow", "__future__"})


class Links:
    """``paths``: all files, those that a change deleted among them; ``modules``: the DAG modules of them."""

    def __init__(self, paths: Iterable[str], modules: Collection[str]) -> None:
        self._paths = sorted(paths)
        self._modules = frozenset(modules)
        self._known = frozenset(self._paths)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            self._by_name[path.rpartition("/")[2]].append(path)
        self._matches: dict[str, frozenset[str]] = {}

    def written_out(self, path: str, reading: Reading) -> Iterator[str]:
        """The files that this one names, imports or looks for where it says."""
        yield from self._packages_of(path)
        for name in reading.names:
            yield from self._named_by(name, path)
        folder = path.rpartition("/")[0]
        for pattern in reading.patterns:
            found = placed(pattern, folder)
            if found.startswith("/") or ANYTHING not in found:
                yield from self._matching(found)
        if reading.imports:
            entries = {placed(entry, folder) for entry in reading.entries}
            for one in reading.imports:
                yield from self._imported(one, folder, entries)

    def possible(self, path: str, reading: Reading) -> Iterator[str]:
        """The files that only match a text which is put together, maybe by chance."""
        folder = path.rpartition("/")[0]
        for pattern in reading.patterns:
            found = placed(pattern, folder)
            if found != ANYTHING and not found.startswith("/"):
                yield from self._matching(found)

    def _packages_of(self, path: str) -> Iterator[str]:
        """The ``__init__`` modules that run before a module does."""
        folder = path.rpartition("/")[0]
        while folder and path.endswith(".py"):
            if f"{folder}/{PACKAGE}" in self._known:
                yield f"{folder}/{PACKAGE}"
            folder = folder.rpartition("/")[0]

    def _named_by(self, name: str, path: str) -> Iterator[str]:
        """The files that a text may mean: by path, by the end of it, or, with dots, as a module.

        A template is looked for in the DAG module's own folder first: what lies there hides others of that name.
        """
        wanted = placed(name, "") if "/" in name else name
        found = [one for one in self._by_name.get(wanted.rpartition("/")[2], ()) if _is_end(one, wanted)]
        if found:
            folder = path.rpartition("/")[0]
            own = placed(f"@/{name}", folder).removeprefix("/")
            yield from [own] if path in self._modules and own in found and not name.startswith("/") else found
        elif "." in name and "/" not in name and name.rpartition(".")[0] != "":
            above, _, last = name.replace(":", ".").rpartition(".")
            yield from self._modules_called("", f"{above}.{last}")
            yield from self._modules_called("", above)

    def _imported(self, one: Import, folder: str, entries: set[str]) -> Iterator[str]:
        if one.level:
            for _ in range(one.level - 1):
                folder = folder.rpartition("/")[0]
            yield from self._from(folder, one)
            return
        first = one.module.partition(".")[0]
        if first in _NEVER_OURS:
            return
        found: set[str] = set()
        for root in {"", folder, *(entry.lstrip("/") for entry in entries if entry.startswith("/"))}:
            found |= set(self._from(root, one))
        yield from found
        untold = any(not entry.startswith("/") for entry in entries)
        if untold or (not found and first not in sys.stdlib_module_names):
            yield from self._anywhere(one)

    def _from(self, folder: str, one: Import) -> Iterator[str]:
        yield from self._modules_called(folder, one.module)
        for name in one.names:
            dotted = f"{one.module}.{name}".strip(".")
            yield from self._everything_in(folder, one.module) if name == "*" else self._modules_called(folder, dotted)

    def _modules_called(self, folder: str, dotted: str) -> Iterator[str]:
        """The module's file, or its package's; of what is not there, the packages on the way."""
        base = folder
        for part in dotted.split(".") if dotted else ():
            base = f"{base}/{part}" if base else part
            for path in (f"{base}.py", f"{base}/{PACKAGE}"):
                if path in self._known:
                    yield path

    def _everything_in(self, folder: str, module: str) -> Iterable[str]:
        path = "/".join(part for part in [folder, module.replace(".", "/")] if part)
        return [one for one in self._matching(f"/{path}/*.py") if "/" not in one.removeprefix(f"{path}/")]

    def _anywhere(self, one: Import) -> Iterator[str]:
        """Wherever a search path that nobody can tell may lead: any module of that name, below any folder.

        The first part may as well be the root's own name: ``from dags.qu import common``.
        """
        yield from self._from("", Import(0, one.module.partition(".")[2], one.names))
        path = one.module.replace(".", "/")
        ends = [f"{path}.py", f"{path}/{PACKAGE}", *(f"{path}/{name}.py" for name in one.names)]
        for end in ends:
            for found in self._by_name.get(end.rpartition("/")[2], ()):
                if found.endswith(f"/{end}"):
                    yield from self._from(found.removesuffix(f"/{end}"), one)

    def _matching(self, pattern: str) -> frozenset[str]:
        """The files that a placed pattern means."""
        if pattern not in self._matches:
            self._matches[pattern] = frozenset(self._match(pattern))
        return self._matches[pattern]

    def _match(self, pattern: str) -> Iterator[str]:
        if ANYTHING not in pattern:
            name = pattern.lstrip("/")
            ending = (one for one in self._by_name.get(name.rpartition("/")[2], ()) if _is_end(one, name))
            yield from {name} & self._known if pattern.startswith("/") else ending
            return
        for path in self._below(pattern.partition(ANYTHING)[0]) if pattern.startswith("/") else self._paths:
            if path_matches(pattern, path):
                yield path

    def _below(self, beginning: str) -> Iterator[str]:
        prefix = beginning.lstrip("/")
        for index in range(bisect_left(self._paths, prefix), len(self._paths)):
            if not self._paths[index].startswith(prefix):
                return
            yield self._paths[index]


def _is_end(path: str, name: str) -> bool:
    """Whether one of the two is the other with folders before it: the folders above the root have any name."""
    return path == name or path.endswith(f"/{name}") or name.endswith(f"/{path}")
