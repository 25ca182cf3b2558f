"""The first module that a stub imports: it imports the rest of the runtime, with bytecode.

``zipimport`` knows none, and compiles each module twice.
"""

from __future__ import annotations

import importlib
import sys
import zipimport
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any


def runtime_of(zip_path: str) -> Any:
    """The module ``load`` of the runtime that is in this zip."""
    folder = f"{zip_path}/{__package__}"
    sys.path_importer_cache[folder] = _Finder(zipimport.zipimporter(zip_path), folder)
    try:
        importlib.import_module(f"{__package__}.bytecode")
        return importlib.import_module(f"{__package__}.load")
    finally:
        sys.path_importer_cache.pop(folder, None)


class _Finder:
    def __init__(self, archive: zipimport.zipimporter, folder: str) -> None:
        self._archive = archive
        self._folder = folder

    def find_spec(self, name: str, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002 - importlib's
        file = f"{self._folder}/{name.rpartition('.')[2]}.py"
        try:
            source = self._archive.get_data(file)
        except OSError:
            return None
        return spec_from_file_location(name, file, loader=_Loader(self._archive, file, source))


class _Loader(Loader):
    def __init__(self, archive: zipimport.zipimporter, file: str, source: bytes) -> None:
        self._archive = archive
        self._file = file
        self._source = source

    def create_module(self, spec: ModuleSpec) -> None:
        """Python's own way."""

    def exec_module(self, module: ModuleType) -> None:
        bytecode: Any = sys.modules.get(f"{__package__}.bytecode")
        # It is not there for what it imports itself.
        make = getattr(bytecode, "code_of", _compiled)
        exec(make(self._source, self._file), vars(module))  # noqa: S102 - that is what importing is

    def get_source(self, name: str) -> str | None:
        """For tracebacks."""
        return self._archive.get_source(name)


def _compiled(source: bytes, file: str) -> Any:
    return compile(source, file, "exec", dont_inherit=True)
