"""Reads what processes of this user left for each other, in a folder that is this user's alone.

What is read is what was written, or nothing: a file that was cut short, damaged, or put under another's name is none.
Few lines, and few imports: each start of the runtime compiles this module.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from hashlib import sha256

_FORMAT = b"dagbranch 1\n"
_HEAD_BYTES = len(_FORMAT) + 2 * 32
_KIND_AND_OTHERS = 0o170000 | stat.S_IRWXG | stat.S_IRWXO


def folder_of(kind: str) -> str | None:
    """Where this user's files of a kind are."""
    try:
        return own_folder(tempfile.gettempdir(), os.getuid(), kind)
    except OSError:  # no temporary folder at all
        return None


def own_folder(temporary: str, user: int, kind: str) -> str | None:
    """Made where it is not there; None where another user made it or may write to it: what is in it gets executed."""
    folder = temporary
    for name in (f"dagbranch-{user}", kind):
        folder = f"{folder}/{name}"
        try:
            status = _made(folder)
        except OSError:
            return None
        if status.st_uid != user or status.st_mode & _KIND_AND_OTHERS != stat.S_IFDIR:
            return None
    return folder


def read(folder: str, key: bytes) -> tuple[bytes, float] | None:
    """What was written under the key, a SHA-256, and when it was written or last told to be in use."""
    try:
        with open(f"{folder}/{key.hex()}", "rb", buffering=0) as handle:  # noqa: PTH123 - for each module
            found, status = handle.read(), os.fstat(handle.fileno())
    except OSError:
        return None
    content = found[_HEAD_BYTES:]
    whole = status.st_uid == os.getuid() and found[:_HEAD_BYTES] == head(key, content)
    return (content, status.st_mtime) if whole else None


def head(key: bytes, content: bytes) -> bytes:
    """What a file begins with."""
    return _FORMAT + key + sha256(content).digest()


def _made(folder: str) -> os.stat_result:
    try:
        return os.lstat(folder)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another process made it just now
            os.mkdir(folder, mode=0o700)  # noqa: PTH102 - text, as above
        return os.lstat(folder)
