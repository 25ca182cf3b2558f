"""Imports from the zip's sources: a path hook that answers for the folders of one environment.

Python's own path machinery does the rest, so sys.path order, packages, namespace packages and ``pkgutil`` walks
are what they are in a plain dags folder; modules have their ``__file__`` on disk, their code comes from memory.
"""

from __future__ import annotations

import builtins
import itertools
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder, ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from types import CodeType, ModuleType

from dagbranch.runtime.bytecode import code_of

VENDORED = ".requirements"
_PACKAGE_FILE = "__init__.py"


class Importer:
    """The hook. ``dagbranch_environment`` marks it for the runtimes of other environments, of any version."""

    dagbranch_environment = True

    def __init__(
        self,
        root: str,
        sources: Mapping[str, bytes],
        files: Collection[str],
        running: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        """``running`` is entered with a source's path while its code is executed, with ``builtins`` for its own.

        ``executed`` has the modules whose code ran to its end, by the path of their source.
        """
        self.root = root
        self.vendored = os.path.join(root, VENDORED)  # noqa: PTH118 - as written on sys.path
        self.running = running
        self.builtins = dict(vars(builtins))
        self.executed: dict[str, ModuleType] = {}
        self._sources = sources
        self._folders = {
            "",
            *(parent for folder in {path.rpartition("/")[0] for path in files} for parent in _and_parents(folder, "/")),
        }
        self._roots = {os.path.normpath(root), os.path.realpath(root)}
        self._names = {part.partition(".")[0] for path in files for part in path.split("/")}
        self._vendored_names = _vendored_names(sources)

    def __call__(self, path: str) -> FolderFinder:
        folder = self.relative(path)
        if folder is None or folder not in self._folders:
            raise ImportError(f"{path} is no folder of this environment")
        return FolderFinder(self, path, folder)

    def relative(self, path: str) -> str | None:
        """The path within the environment, ``""`` for its root, None for any other."""
        # Asked for each of thousands of modules, most of whose paths are normal.
        normal = os.path.normpath(path) if "//" in path or "/." in path or path.endswith("/") else path
        for root in self._roots:
            if normal == root:
                return ""
            if normal.startswith(root + os.sep):
                return normal[len(root) + 1 :].replace(os.sep, "/")
        return None

    def has_source(self, path: str) -> bool:
        return path in self._sources

    def source(self, path: str) -> bytes:
        return self._sources[path]

    def has_folder(self, path: str) -> bool:
        return path in self._folders

    def has_name(self, name: str) -> bool:
        """Whether any file or folder is called like this; so an import of that name may be one of the environment."""
        return name in self._names

    def vendors(self, name: str) -> bool:
        """Whether a module of this name is one that the environment brings along, or below one."""
        return bool(self._vendored_names) and any(parent in self._vendored_names for parent in _and_parents(name, "."))

    def names_in(self, folder: str) -> Iterator[tuple[str, bool]]:
        """The modules and regular packages that lie directly in a folder."""
        for path in self._sources:
            parent, _, file = path.rpartition("/")
            if file == _PACKAGE_FILE:
                outer, _, name = parent.rpartition("/")
                if parent and outer == folder:
                    yield name, True
            elif parent == folder:
                yield file.removesuffix(".py"), False

    def owns(self, module: ModuleType) -> bool:
        location = location_of(module)
        return location is not None and self.relative(location) is not None

    def spec_of(self, name: str, path: str) -> ModuleSpec:
        """A module of any name for a source file."""
        file = os.path.join(self.root, path)  # noqa: PTH118 - as written on sys.path
        spec = spec_from_file_location(name, file, loader=MemoryLoader(name, file, self, path))
        assert spec is not None
        return spec

    def load_as(self, name: str, path: str) -> ModuleType:
        """Executes a source file under a name that no import statement would give it."""
        spec = self.spec_of(name, path)
        module = module_from_spec(spec)
        sys.modules[name] = module
        assert spec.loader is not None
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    def install(self) -> None:
        sys.path_hooks.insert(0, self)
        self._forget_finders()

    def uninstall(self) -> None:
        if self in sys.path_hooks:
            sys.path_hooks.remove(self)
        self._forget_finders()

    def _forget_finders(self) -> None:
        for entry in [entry for entry in sys.path_importer_cache if self.relative(entry) is not None]:
            del sys.path_importer_cache[entry]


class FolderFinder:
    """What ``sys.path_importer_cache`` holds for one folder; the counterpart of importlib's FileFinder."""

    def __init__(self, importer: Importer, path: str, folder: str) -> None:
        self._importer = importer
        self._path = path
        self._prefix = f"{folder}/" if folder else ""
        self._extensions = FileFinder(path, (ExtensionFileLoader, EXTENSION_SUFFIXES))

    def find_spec(self, name: str, target: ModuleType | None = None) -> ModuleSpec | None:
        own = name.rpartition(".")[2]
        file = os.path.join(self._path, own)  # noqa: PTH118 - as written on sys.path, which pathlib would normalise
        package, module = f"{self._prefix}{own}/{_PACKAGE_FILE}", f"{self._prefix}{own}.py"
        if self._importer.has_source(package):
            location = os.path.join(file, _PACKAGE_FILE)  # noqa: PTH118 - see above
            loader = MemoryLoader(name, location, self._importer, package)
            return spec_from_file_location(name, location, loader=loader, submodule_search_locations=[file])
        if self._importer.has_source(module):
            loader = MemoryLoader(name, f"{file}.py", self._importer, module)
            return spec_from_file_location(name, f"{file}.py", loader=loader)
        return self._extensions.find_spec(name, target) or self._namespace(name, own, file)

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        """For ``pkgutil``."""
        for name, is_package in self._importer.names_in(self._prefix.removesuffix("/")):
            yield prefix + name, is_package

    def _namespace(self, name: str, own: str, file: str) -> ModuleSpec | None:
        if not self._importer.has_folder(self._prefix + own):
            return None
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [file]
        return spec


class MemoryLoader(SourceFileLoader):
    """A SourceFileLoader, as ``importlib.resources`` and ``inspect`` want it, whose source cannot change under it."""

    def __init__(self, name: str, file: str, importer: Importer, path: str) -> None:
        super().__init__(name, file)
        self._importer = importer
        self._path = path

    def get_data(self, path: str) -> bytes:
        return self._importer.source(self._path) if path == self.path else super().get_data(path)

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - importlib's signature
        """Not from a ``__pycache__`` in the copy, which may be of another version of the source."""
        return code_of(self._importer.source(self._path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self._importer.builtins
        with self._importer.running(self._path):
            super().exec_module(module)
        self._importer.executed[self._path] = module


def natural_name(path: str) -> str:
    """The dotted name of a source file from the root of the dags folder, or of what the repository requires."""
    return path.removeprefix(f"{VENDORED}/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _vendored_names(sources: Iterable[str]) -> frozenset[str]:
    """The modules and packages that come along whole: of a namespace package, others may bring other parts."""
    paths = [path for path in sources if path.startswith(f"{VENDORED}/")]
    packages = {natural_name(path) for path in paths if path.endswith(f"/{_PACKAGE_FILE}")}
    return frozenset(
        next((parent for parent in _and_parents(name, ".") if parent in packages), name)
        for name in map(natural_name, paths)
    )


def _and_parents(name: str, separator: str) -> Iterator[str]:
    """``a``, ``a.b`` and ``a.b.c`` for the last of them."""
    return itertools.accumulate(name.split(separator), f"{{}}{separator}{{}}".format)


def location_of(module: ModuleType) -> str | None:
    """A module's file, or a namespace package's first folder; read without waking lazy modules."""
    attributes = getattr(module, "__dict__", {})
    folders = attributes.get("__path__", ())
    # A namespace package's path looks for itself anew when it is asked, and fails where its parent is gone.
    location = attributes.get("__file__") or next(iter(getattr(folders, "_path", folders)), None)
    return location if isinstance(location, str) else None
