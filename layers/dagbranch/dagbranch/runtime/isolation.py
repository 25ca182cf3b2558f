"""Which environment is in a process's sight: on ``sys.path``, among its hooks and in ``sys.modules``; one at a time.

An environment that is out of sight keeps its modules for itself, and the server has its own back. Import statements in
the environment's code bring it back for as long as they last: CPython takes ``__import__`` from the built-ins of the
code that imports, and an environment's modules have a dict of built-ins of their own.
"""

from __future__ import annotations

import builtins
import os
import sys
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from dagbranch.runtime.entangled import entangled
from dagbranch.runtime.importer import VENDORED, Importer, location_of, natural_name

# In sys.modules, for every environment's own copy of the runtime has to find the same; the number is of this protocol.
_PROCESS = "_dagbranch_process_1"


class Presence:
    """An environment's modules and path entries, in or out of sight."""

    def __init__(self, importer: Importer, zip_path: str, served: Mapping[str, ModuleType]) -> None:
        """``served``: modules by name that are the environment's wherever they come from."""
        self.importer = importer
        self._zip_path = zip_path
        self._dags_folder = os.path.dirname(zip_path)  # noqa: PTH120 - as written on sys.path
        self._inside = os.path.join(self._dags_folder, "")  # noqa: PTH118 - a prefix with its separator
        self._ours = os.path.join(zip_path, "")  # noqa: PTH118 - as above
        self._modules = dict(served)
        self._others: dict[str, ModuleType] = {}
        self._kept = set(served)
        self._known: set[str] = set()
        self._aside: dict[str, ModuleType] = {}
        self._hidden: list[str] = []
        self._entries: list[str] = []
        self._added: list[str] = []
        self._process = _process()
        importer.builtins["__import__"] = self._import

    @contextmanager
    def in_sight(self) -> Iterator[None]:
        """For as long as it lasts, in this and in all threads; what was in sight before comes back."""
        self._arrange(lambda presences: presences.append(self))
        path = list(sys.path)
        try:
            yield
        finally:
            self._remember_entries(path)
            self._arrange(self._drop)

    def stay(self) -> None:
        """From now on, where no other environment is in the middle of something; the process is one of its tasks'."""
        self._process.standing = self
        self._arrange(lambda _: None)

    def enter(self) -> None:
        """Called by whichever runtime arranges the process."""
        self._aside = _taken(self._in_the_way())
        self._known = set(sys.modules)
        _put(self._modules)
        self._modules = {}
        self._extend_path()
        self.importer.install()
        self.importer.builtins["__import__"] = builtins.__import__

    def leave(self) -> None:
        """As above."""
        self.importer.builtins["__import__"] = self._import
        self.importer.uninstall()
        self._restore_path()
        own = self._own_modules()
        self._modules = _taken([*own, *self._entangled(own)])
        # The server's own may have been imported by code that ran in the meantime.
        _put({name: module for name, module in self._aside.items() if name not in sys.modules})
        self._aside = {}

    def _arrange(self, change: Any) -> None:
        process = self._process
        with process.lock:
            change(process.passing)
            wanted = process.passing[-1] if process.passing else process.standing
            if wanted is process.present:
                return
            if process.present is not None:
                process.present.leave()
            process.present = wanted
            if wanted is not None:
                wanted.enter()

    def _drop(self, presences: list[Presence]) -> None:
        """The last of them that is this one: threads do not end in the order in which they began."""
        del presences[len(presences) - 1 - presences[::-1].index(self)]

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the name that __import__ has for it
        locals: Mapping[str, object] | None = None,  # noqa: A002 - as above
        fromlist: tuple[str, ...] = (),
        level: int = 0,
    ) -> ModuleType:
        """What ``import`` means in the environment's code while the environment is out of sight."""
        if level == 0 and not self._may_be_own(name.partition(".")[0]):
            return builtins.__import__(name, globals, locals, fromlist, level)
        with self.in_sight():
            return builtins.__import__(name, globals, locals, fromlist, level)

    def _may_be_own(self, top: str) -> bool:
        return top in self._modules or self.importer.has_name(top)

    def _own_modules(self) -> list[str]:
        """None that was there before: the path of the server's namespace packages may begin in the environment."""
        new = [(name, module) for name, module in list(sys.modules.items()) if name not in self._known]
        own = [name for name, module in new if name in self._kept or self.importer.owns(module)]
        self._kept.update(own)
        return own

    def _entangled(self, own: Collection[str]) -> set[str]:
        if not self.importer.has_folder(VENDORED):
            return set()
        known = self._known.union(own)
        found = entangled({name: module for name, module in list(sys.modules.items()) if name not in known}, own)
        self._kept |= found
        return found

    def _in_the_way(self) -> list[str]:
        """The server's modules from its dags folder, and those of which the environment brings its own."""
        modules, others = dict(sys.modules), self._others
        # Thousands, at every late import: most were looked at before.
        for name in [name for name, module in modules.items() if others.get(name) is not module]:
            if self._is_in_the_way(name, modules[name]):
                others.pop(name, None)
            else:
                others[name] = modules[name]
        found = [name for name in modules if name not in others or name in self._modules]
        return [name for name in found if not _is_starting(modules[name])]

    def _is_in_the_way(self, name: str, module: ModuleType) -> bool:
        location = location_of(module) or ""
        from_dags_folder = location.startswith(self._inside) and not location.startswith(self._ours)
        return from_dags_folder or self.importer.vendors(name)

    def _extend_path(self) -> None:
        """The root takes the place of the dags folder; what a repository requires goes before what is installed."""
        normal = os.path.normpath(self._dags_folder)
        position = next((i for i, entry in enumerate(sys.path) if os.path.normpath(entry) == normal), len(sys.path))
        self._hidden = [entry for entry in sys.path if os.path.normpath(entry) == normal]
        sys.path[:] = [entry for entry in sys.path if os.path.normpath(entry) != normal]
        sys.path.insert(position, self.importer.root)
        if self.importer.has_folder(VENDORED):
            # Airflow takes the zip away again only where it is the first.
            first = int(sys.path[:1] == [self._zip_path])
            sys.path.insert(first, self.importer.vendored)
        self._added = [entry for entry in self._entries if entry not in sys.path]
        sys.path.extend(self._added)

    def _restore_path(self) -> None:
        own = {self.importer.vendored, *self._added}
        path = [entry for entry in sys.path if entry not in own]
        position = path.index(self.importer.root) if self.importer.root in path else len(path)
        path[position : position + 1] = self._hidden
        sys.path[:] = path

    def _remember_entries(self, before: Iterable[str]) -> None:
        """What the environment's code put on ``sys.path`` goes with it, and comes back with it."""
        if self._process.standing is not self:
            known = {*before, *self._entries}
            new = [entry for entry in sys.path if entry not in known]
            self._entries += new
            self._added += new


@contextmanager
def own_path_entries(importer: Importer, kept: list[str]) -> Iterator[None]:
    """What one DAG module adds to ``sys.path`` ends with it, and goes to ``kept`` for its tasks' later imports.

    Modules that were found only through such an entry (``config`` beside each DAG file) are forgotten,
    so that the next DAG module finds its own.
    """
    path, known = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        kept.extend(entry for entry in sys.path if entry not in path and entry not in kept)
        sys.path[:] = path
        for name in set(sys.modules) - known:
            if importer.owns(sys.modules[name]) and not _is_natural(name, sys.modules[name], importer):
                del sys.modules[name]


def _is_natural(name: str, module: ModuleType, importer: Importer) -> bool:
    path = importer.relative(location_of(module) or "")
    return path is None or natural_name(path) == name


def _is_starting(module: ModuleType) -> bool:
    """Python looks for a module under its name once more when its code has run: another zip's stub, for one."""
    return bool(getattr(getattr(module, "__dict__", {}).get("__spec__"), "_initializing", False))


def _process() -> Any:
    """What all environments in this process share: who is in sight, who passes by, and who stays."""
    fresh: Any = ModuleType(_PROCESS, "Made by dagbranch: which of its environments is in sight of imports.")
    fresh.lock, fresh.present, fresh.standing, fresh.passing = threading.RLock(), None, None, []
    process = sys.modules.setdefault(_PROCESS, fresh)
    if process is fresh:
        # A thread that held the lock is not there in a child.
        os.register_at_fork(after_in_child=lambda: setattr(fresh, "lock", threading.RLock()))
    return process


def _taken(names: Iterable[str]) -> dict[str, ModuleType]:
    """Takes modules out of sight, also as attributes of parents that stay."""
    taken = {name: sys.modules.pop(name) for name in names}
    for name, module in taken.items():
        parent, own = _parent_of(name)
        if parent is not None and vars(parent).get(own) is module:
            delattr(parent, own)
    return taken


def _put(modules: Mapping[str, ModuleType]) -> None:
    for name, module in modules.items():
        parent, own = _parent_of(name)
        sys.modules[name] = module
        if parent is not None and name.rpartition(".")[0] not in modules:
            setattr(parent, own, module)


def _parent_of(name: str) -> tuple[ModuleType | None, str]:
    parent, _, own = name.rpartition(".")
    return sys.modules.get(parent) if parent else None, own
