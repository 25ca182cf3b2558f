"""The first module that a stub imports: it imports the rest of the runtime, with the code that an earlier process left.

``zipimport`` keeps no code, and compiles each module twice. Few lines, because this one it does compile twice.
"""

from __future__ import annotations

import importlib
import marshal
import os
import sys
import time
import zipimport
from hashlib import sha256
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import MAGIC_NUMBER, spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

_KIND = "runtime"
# Within the precision of a file system's clock, a zip can change without its times telling.
_PRECISION_SECONDS = 2


def runtime_of(zip_path: str) -> Any:
    """The module ``load`` of the runtime that is in this zip."""
    finder = _Finder(zip_path)
    sys.path_importer_cache[finder.folder] = finder
    try:
        key = _key(zip_path)
        finder.begin(_kept(key) if key else {})
        runtime = importlib.import_module(f"{__package__}.load")
    finally:
        sys.path_importer_cache.pop(finder.folder, None)
    if key and finder.compiled:
        cache = importlib.import_module(f"{__package__}.cache").cache_of(_KIND)
        cache.write(key, marshal.dumps({**finder.codes, **finder.compiled}))
    return runtime


def _key(zip_path: str) -> bytes | None:
    """Says which zip it is; None for one that is so new that it cannot be told."""
    status = os.stat(zip_path)  # noqa: PTH116 - text
    if max(status.st_mtime, status.st_ctime) > time.time() - _PRECISION_SECONDS:
        return None
    facts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino, sys.flags.optimize)
    return sha256(MAGIC_NUMBER + repr((zip_path, *facts)).encode(errors="surrogateescape")).digest()


def _kept(key: bytes) -> dict[str, CodeType]:
    files = importlib.import_module(f"{__package__}.private_files")
    folder = files.folder_of(_KIND)
    found = files.read(folder, key) if folder else None
    codes = marshal.loads(found[0]) if found else {}  # noqa: S302 - written by this user, and whole
    return codes if isinstance(codes, dict) else {}


class _Finder:
    """``compiled``: the code of what it found no code for."""

    def __init__(self, zip_path: str) -> None:
        self.folder = f"{zip_path}/{__package__}"
        self.codes: dict[str, CodeType] = {}
        self.compiled: dict[str, CodeType] = {}
        self._archive = zipimport.zipimporter(zip_path)

    def begin(self, codes: dict[str, CodeType]) -> None:
        """What it compiles from now on is of the zip whose times were looked at, or of a newer one: of no older one."""
        self.codes = codes
        self.compiled.clear()
        if not codes:
            self._archive.invalidate_caches()

    def find_spec(self, name: str, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002 - importlib's
        file = f"{self.folder}/{name.rpartition('.')[2]}.py"
        code = self.codes.get(file) or self._compiled(file)
        return code and spec_from_file_location(name, file, loader=_Loader(self._archive, code))

    def _compiled(self, file: str) -> CodeType | None:
        try:
            source = self._archive.get_data(file)
        except OSError:
            return None
        self.compiled[file] = code = compile(source, file, "exec", dont_inherit=True)
        return code


class _Loader(Loader):
    def __init__(self, archive: zipimport.zipimporter, code: CodeType) -> None:
        self._archive = archive
        self._code = code

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, vars(module))  # noqa: S102 - that is what importing is

    def get_source(self, name: str) -> str | None:
        """For tracebacks."""
        return self._archive.get_source(name)
