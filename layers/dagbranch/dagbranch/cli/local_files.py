"""Writes a dags folder that an Airflow is reading: every file at once, nothing that did not change."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Container, Mapping
from pathlib import Path

from dagbranch.domain.naming import CONFIGURATION_FOLDER
from dagbranch.errors import SourceError


def write_copy(folder: Path, files: Mapping[str, bytes]) -> None:
    """Brings the folder to these files; what the last package was configured by stays."""
    if folder.is_symlink() or (folder.exists() and not (folder / CONFIGURATION_FOLDER).is_dir()):
        raise SourceError(f"{folder} is there and was not made by dagbranch: it is left alone")
    # First, because a folder of the last commit may be a file of this one.
    drop_others(folder, files, spared=CONFIGURATION_FOLDER)
    for path, content in files.items():
        write_at_once(folder / path, content)


def drop_others(folder: Path, files: Container[str], *, spared: str | None = None) -> None:
    """Removes what is not among these files, and empty folders, but nothing in the folder that is spared."""
    for file in sorted(folder.rglob("*"), reverse=True):
        path = file.relative_to(folder)
        if path.parts[0] == spared:
            continue
        if file.is_symlink() or (file.is_file() and path.as_posix() not in files):
            file.unlink()
        elif file.is_dir() and not any(file.iterdir()):
            file.rmdir()


def write_at_once(file: Path, content: bytes) -> None:
    """A reader sees the file before or after, never in between; one that does not change is not touched."""
    if file.is_file() and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".dagbranch-")
    with os.fdopen(descriptor, "wb") as output:
        output.write(content)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(file)
