"""The canonical source archive: a zip whose bytes depend on the files' paths and contents alone.

Entries are sorted, dated 1980-01-01, stored without compression (deflate differs between zlib builds), and
carry no permissions of their own. A stored archive also cannot be a compression bomb. The bytes are spelled out
here: no version of Python's zipfile can change a digest.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dagbranch.errors import UnsafeArchiveError

PIPELINE_FILE: Final = "dagbranch.yaml"
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_LOCAL_HEADER_BYTES: Final = 30  # before the name; a canonical one has nothing behind the name
_ZIP_VERSION: Final = 20
_MOST_ENTRIES: Final = 65_535  # what lies above wants another form of zip
_MOST_BYTES: Final = 2**31 - 1
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
    parts, directory, offset = [], [], 0
    for path in sorted(files):
        local = _local_header(path, files[path])
        directory.append(_directory_entry(local, offset))
        parts += [local, files[path]]
        offset += len(local) + len(files[path])
    size = sum(map(len, directory))
    if len(directory) >= _MOST_ENTRIES or offset + size >= _MOST_BYTES:
        raise UnsafeArchiveError(f"{len(directory)} files of {offset} bytes in all are more than a plain zip holds")
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(directory), len(directory), size, offset, 0)
    return b"".join([*parts, *directory, end])


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
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UnsafeArchiveError(f"the source archive is no readable zip: {error}") from error
    files = {entry.filename: _content(archive, entry) for entry in entries}
    # The one check of what was read, checksums and offsets too: the same files make the same bytes, or it is refused.
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
            raise UnsafeArchiveError(f"{path}: {size} bytes, at most {limits.file_size_bytes} are allowed in a file")
    if (total := sum(sizes.values())) > limits.size_bytes:
        raise UnsafeArchiveError(f"the packaged files have {total} bytes, at most {limits.size_bytes} are allowed")


def _local_header(path: str, content: bytes) -> bytes:
    check_path(path)
    entry = zipfile.ZipInfo(path, _EARLIEST)
    entry.CRC = zlib.crc32(content)
    entry.file_size = entry.compress_size = len(content)
    return entry.FileHeader(zip64=False)


def _directory_entry(local: bytes, offset: int) -> bytes:
    """The central directory says again what the local header does, and who made it, its mode and where it is."""
    made_by = struct.pack("<4s2B", b"PK\x01\x02", _ZIP_VERSION, _UNIX)
    rest = struct.pack("<3H2L", 0, 0, 0, _REGULAR_FILE, offset)
    return made_by + local[4:_LOCAL_HEADER_BYTES] + rest + local[_LOCAL_HEADER_BYTES:]


def _content(archive: bytes, entry: zipfile.ZipInfo) -> bytes:
    """Where a canonical archive has it; of another archive it may be anything."""
    start = entry.header_offset + _LOCAL_HEADER_BYTES + len(entry.filename.encode())
    return archive[start : start + entry.file_size]


def _check_entry(entry: zipfile.ZipInfo) -> None:
    check_path(entry.filename)
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise UnsafeArchiveError(f"{entry.filename} is compressed: a source archive is stored")
