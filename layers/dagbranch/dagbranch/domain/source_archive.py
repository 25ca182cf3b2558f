"""The canonical source archive: a zip whose bytes depend on the files' paths and contents alone.

Entries are sorted, dated 1980-01-01, stored without compression (deflate differs between zlib builds), and
carry no permissions of their own. A stored archive also cannot be a compression bomb.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dagbranch.errors import UnsafeArchiveError

PIPELINE_FILE: Final = "dagbranch.yaml"
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_REGULAR_FILE: Final = 0o100644 << 16
# Control characters, backslashes, and what stands for bytes that are no UTF-8.
_MANGLED = re.compile("[\\x00-\\x1f\\x7f\\\\\\ud800-\\udfff]")


@dataclass(frozen=True)
class Limits:
    """What one pull request may bring; applied to what is kept, not to the rest of its repository."""

    files: int = 20_000
    size_bytes: int = 200_000_000
    file_size_bytes: int = 100_000_000
    compression_ratio: int = 200


def source_digest(archive: bytes) -> str:
    return hashlib.sha256(archive).hexdigest()


def write_canonical_zip(files: Mapping[str, bytes]) -> bytes:
    """The one archive of these files, byte for byte, wherever and whenever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            archive.writestr(_entry(path), files[path])
    return buffer.getvalue()


def read_source_archive(archive: bytes, limits: Limits) -> dict[str, bytes]:
    """The files of a source archive, by path. Raises UnsafeArchiveError for any that is not canonical."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            entries = opened.infolist()
            sizes = {entry.filename: entry.file_size for entry in entries}
            if len(sizes) != len(entries):
                raise UnsafeArchiveError("the source archive holds a path twice")
            check_sizes(sizes, limits)
            for entry in entries:
                _check_entry(entry)
            files = {entry.filename: opened.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UnsafeArchiveError(f"the source archive is no readable zip: {error}") from error
    if write_canonical_zip(files) != archive:
        raise UnsafeArchiveError("the source archive is not in canonical form: make it with `dagbranch archive`")
    return files


def check_path(path: str) -> None:
    """Raises UnsafeArchiveError for a path that leads out of the folder it is unpacked to, or cannot be an object's."""
    parts = path.split("/")
    if path.startswith("/") or any(part in {"", ".", ".."} for part in parts) or _MANGLED.search(path):
        raise UnsafeArchiveError(f"the path {path!r} leads out of the archive or is not portable")
    if len(path.encode()) > 700:
        raise UnsafeArchiveError(f"the path {path[:60]!r}… is longer than 700 bytes, S3 keys hold 1,024 in all")


def check_sizes(sizes: Mapping[str, int], limits: Limits) -> None:
    """Raises UnsafeArchiveError with what was found and what is allowed."""
    if len(sizes) > limits.files:
        raise UnsafeArchiveError(f"{len(sizes)} files are to be packaged, at most {limits.files} are allowed")
    for path, size in sizes.items():
        if size > limits.file_size_bytes:
            raise UnsafeArchiveError(f"{path} has {size} bytes, at most {limits.file_size_bytes} are allowed in a file")
    if (total := sum(sizes.values())) > limits.size_bytes:
        raise UnsafeArchiveError(f"the packaged files have {total} bytes, at most {limits.size_bytes} are allowed")


def _entry(path: str) -> zipfile.ZipInfo:
    check_path(path)
    entry = zipfile.ZipInfo(path, _EARLIEST)
    entry.create_system = _UNIX
    entry.external_attr = _REGULAR_FILE
    return entry


def _check_entry(entry: zipfile.ZipInfo) -> None:
    check_path(entry.filename)
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise UnsafeArchiveError(f"{entry.filename} is compressed: a source archive is stored")
