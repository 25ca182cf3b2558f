"""The zip itself: its manifest, its sources, and the folder on disk that holds its files in just this version."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dagbranch.runtime.archive import Archive
from dagbranch.runtime.cache import KEPT_SECONDS
from dagbranch.runtime.private_files import folder_of
from dagbranch.runtime.verified import holds

SOURCES = "_src/"
MANIFEST = "_dagbranch/manifest.json"


@dataclass(frozen=True, eq=False, repr=False)
class Package:
    """A packaged DAG as it was read: its Python sources are held in memory, so a replaced zip does no harm.

    ``digest``: of the manifest, so of all that is in the zip.
    """

    zip_path: Path
    source_digest: str
    files: Mapping[str, Mapping[str, object]]
    modules: Mapping[str, str]
    sources: Mapping[str, bytes]
    digest: str

    @property
    def copy(self) -> Path:
        return self.zip_path.with_suffix("")


def read_package(archive: Archive, zip_path: Path) -> Package:
    content = archive.read(MANIFEST)
    manifest = json.loads(content)
    files = manifest["files"]
    return Package(
        zip_path=zip_path,
        source_digest=manifest["source_digest"],
        files=files,
        modules=manifest["modules"],
        sources={path: archive.read(SOURCES + path) for path in files if path.endswith(".py")},
        digest=hashlib.sha256(content).hexdigest(),
    )


@contextmanager
def opened(zip_path: Path) -> Iterator[Archive]:
    """One handle for the whole load: it stays with the file that it opened, whatever takes its place."""
    with zip_path.open("rb") as handle:
        yield Archive(handle.fileno())


def files_on_disk(package: Package, archive: Archive) -> Path:
    """The unpacked copy where it holds the zip's files, else a private extraction of them.

    The copy may not have arrived on this machine, may have arrived in part, or may be ahead of the zip.
    """
    if _holds(package.copy, package):
        return package.copy
    home = _private_folder()
    extraction = home / package.digest
    if _holds(extraction, package):
        os.utime(extraction)
        return extraction
    _drop_unused(home)
    fresh = Path(tempfile.mkdtemp(dir=home))
    for path in package.files:
        target = fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(archive.read(SOURCES + path))
    return _moved(fresh, extraction, package)


def _moved(fresh: Path, extraction: Path, package: Package) -> Path:
    try:
        fresh.rename(extraction)
    except OSError:
        if not _holds(extraction, package):
            return fresh
        shutil.rmtree(fresh, ignore_errors=True)
    return extraction


def _drop_unused(home: Path) -> None:
    """A deploy leaves one per machine where the copy changed before the zip; a week outlasts any task."""
    for folder in home.iterdir():
        with suppress(OSError):  # another process may be doing the same
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _holds(folder: Path, package: Package) -> bool:
    return holds(folder, package.files, package.digest, time.time())


def _private_folder() -> Path:
    """Ours alone: in a folder that all users write to, another one could have put files for us to execute."""
    return Path(folder_of("files") or tempfile.mkdtemp(prefix="dagbranch-"))
