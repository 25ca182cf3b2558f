"""The zip itself: its manifest, its sources, and the folder on disk that holds its files in just this version."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SOURCES = "_src/"
MANIFEST = "_dagbranch/manifest.json"
_KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Package:
    """A packaged DAG as it was read: its Python sources are held in memory, so a replaced zip does no harm."""

    zip_path: Path
    source_digest: str
    files: Mapping[str, Mapping[str, object]]
    modules: Mapping[str, str]
    sources: Mapping[str, bytes]

    @property
    def copy(self) -> Path:
        return self.zip_path.with_suffix("")


def read_package(archive: zipfile.ZipFile, zip_path: Path) -> Package:
    manifest = json.loads(archive.read(MANIFEST))
    files = manifest["files"]
    return Package(
        zip_path=zip_path,
        source_digest=manifest["source_digest"],
        files=files,
        modules=manifest["modules"],
        sources={path: archive.read(SOURCES + path) for path in files if path.endswith(".py")},
    )


@contextmanager
def opened(zip_path: Path) -> Iterator[zipfile.ZipFile]:
    """One handle for the whole load: it stays with the file that it opened, whatever takes its place."""
    with zip_path.open("rb") as handle, zipfile.ZipFile(handle) as archive:
        yield archive


def files_on_disk(package: Package, archive: zipfile.ZipFile) -> Path:
    """The unpacked copy where it holds the zip's files, else a private extraction of them.

    The copy may not have arrived on this machine, may have arrived in part, or may be ahead of the zip.
    """
    if _holds(package.copy, package):
        return package.copy
    home = _private_folder()
    extraction = home / _digest_of_files(package)
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
            if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _holds(folder: Path, package: Package) -> bool:
    """Sizes first: they tell most differences without reading anything."""
    try:
        return all((folder / path).stat().st_size == facts["size"] for path, facts in package.files.items()) and all(
            hashlib.sha256((folder / path).read_bytes()).hexdigest() == facts["sha256"]
            for path, facts in package.files.items()
        )
    except OSError:
        return False


def _digest_of_files(package: Package) -> str:
    return hashlib.sha256(json.dumps(package.files, sort_keys=True).encode()).hexdigest()


def _private_folder() -> Path:
    """Ours alone: in a folder that all users write to, another one could have put files for us to execute."""
    home = Path(tempfile.gettempdir()) / f"dagbranch-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    status = home.lstat()
    if home.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        return Path(tempfile.mkdtemp(prefix="dagbranch-"))
    return home
