"""Where two packaged DAGs differ, for people who ask why their bytes do. One of them may be from anywhere."""

from __future__ import annotations

import io
import zipfile

from dagbranch.errors import UnsafeArchiveError


def first_difference(found: bytes, expected: bytes) -> str | None:
    """The first member, in the order of their paths, that is another one in ``found``; None for the same bytes.

    Raises UnsafeArchiveError where ``found`` is no readable zip.
    """
    if found == expected:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(found)) as theirs, zipfile.ZipFile(io.BytesIO(expected)) as ours:
            return _of_members(theirs, ours) or "the order, dates or permissions of its members"
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UnsafeArchiveError(f"this is no readable zip: {error}") from error


def _of_members(theirs: zipfile.ZipFile, ours: zipfile.ZipFile) -> str | None:
    found, expected = set(theirs.namelist()), set(ours.namelist())
    for path in sorted(found | expected):
        if path not in expected:
            return f"{path}: not made of this archive"
        if path not in found:
            return f"{path}: missing"
        if not _is_same(path, theirs, ours):
            return f"{path}: other content"
    return None


def _is_same(path: str, theirs: zipfile.ZipFile, ours: zipfile.ZipFile) -> bool:
    """Reads of a stranger's member no more than ours has."""
    return theirs.getinfo(path).file_size == ours.getinfo(path).file_size and theirs.read(path) == ours.read(path)
