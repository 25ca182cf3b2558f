"""Imports a zip's stubs once the runtime is there: what they do is known, ``zipimport`` would compile each twice."""

from __future__ import annotations

import sys
import zipimport
from collections.abc import Callable, Mapping
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any


class StubFinder:
    """What ``sys.path_importer_cache`` holds for the zip. For any other module, it does as ``zipimport`` does."""

    def __init__(
        self,
        zip_path: str,
        modules: Mapping[str, str],
        export: Callable[[str, str, dict[str, Any]], None],
        serves: Callable[[str], bool],
    ) -> None:
        """``modules``: by stub; ``export`` and ``serves`` are what a stub would call."""
        self._zip_path = zip_path
        self._modules = modules
        self._export = export
        self._serves = serves

    def install(self) -> None:
        sys.path_importer_cache[self._zip_path] = self

    def find_spec(self, name: str, target: ModuleType | None = None) -> ModuleSpec | None:
        module = self._modules.get(f"{name}.py")
        if module is not None and self._serves(self._zip_path):
            file = f"{self._zip_path}/{name}.py"
            return spec_from_file_location(name, file, loader=_StubLoader(self._zip_path, module, self._export))
        if module is not None:
            forget_directory(self._zip_path)
        return zipimport.zipimporter(self._zip_path).find_spec(name, target)

    def invalidate_caches(self) -> None:
        """Another zip may have taken the place of this one."""
        forget_directory(self._zip_path)


class _StubLoader(Loader):
    def __init__(self, zip_path: str, module: str, export: Callable[[str, str, dict[str, Any]], None]) -> None:
        self._zip_path = zip_path
        self._module = module
        self._export = export

    def create_module(self, spec: ModuleSpec) -> None:
        """Python's own way."""

    def exec_module(self, module: ModuleType) -> None:
        self._export(self._zip_path, self._module, vars(module))


def forget_directory(zip_path: str) -> None:
    """Lets Python read the zip's table of contents anew where another zip of that name is imported in this process.

    zipimport keeps the first one for ever, and finds other files' bytes at its offsets after that.
    """
    for entry in [entry for entry in sys.path_importer_cache if f"{entry}/".startswith(f"{zip_path}/")]:
        del sys.path_importer_cache[entry]
    getattr(zipimport, "_zip_directory_cache", {}).pop(zip_path, None)
