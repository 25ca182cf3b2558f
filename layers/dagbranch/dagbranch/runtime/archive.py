"""Reads a zip in the form that packaging writes it: stored, without comment, without extra fields.

``zipfile`` reads any zip, and takes ten times as long to know what is in it; a task's process would wait for that.
"""

from __future__ import annotations

import os
import struct
import zlib
from zipfile import BadZipFile

_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL_HEADER_BYTES = 30


class Archive:
    """The file behind an open descriptor, whatever takes its place in the folder."""

    def __init__(self, descriptor: int) -> None:
        """Raises BadZipFile for what packaging has not written, or not written whole yet."""
        self._descriptor = descriptor
        self._entries = dict(self._directory())

    def namelist(self) -> list[str]:
        return list(self._entries)

    def read(self, name: str) -> bytes:
        """Raises KeyError for what is not in it, BadZipFile where the file was written to in the meantime."""
        start, size, checksum = self._entries[name]
        content = os.pread(self._descriptor, size, start)
        if zlib.crc32(content) != checksum:
            raise BadZipFile(f"the content of {name} is not what the zip's directory says: is it being written?")
        return content

    def _directory(self) -> list[tuple[str, tuple[int, int, int]]]:
        try:
            return self._parsed()
        except (struct.error, UnicodeDecodeError) as error:
            raise BadZipFile(f"no zip of dagbranch's: {error}") from error

    def _parsed(self) -> list[tuple[str, tuple[int, int, int]]]:
        whole = os.fstat(self._descriptor).st_size
        end = os.pread(self._descriptor, _END.size, max(0, whole - _END.size))
        signature, _, _, _, count, size, offset, comment = _END.unpack(end)
        if signature != b"PK\x05\x06" or comment or offset + size + _END.size != whole:
            raise BadZipFile("no zip of dagbranch's, or one that is not whole yet")
        directory = os.pread(self._descriptor, size, offset)
        found, at = [], 0
        for _ in range(count):
            fields = _ENTRY.unpack_from(directory, at)
            checksum, stored, content, name_bytes, start = *fields[7:10], fields[10], fields[16]
            if fields[4] or stored != content or fields[11] or fields[12]:
                raise BadZipFile("no zip of dagbranch's: it is compressed")
            at += _ENTRY.size
            name = directory[at : at + name_bytes]
            at += name_bytes
            found.append((name.decode(), (start + _LOCAL_HEADER_BYTES + name_bytes, content, checksum)))
        return found
