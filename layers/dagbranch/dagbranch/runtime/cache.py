"""Small files that one process leaves for the next, in a folder that is this user's alone.

What is read is what was written, or nothing: a file that was cut short, damaged, or put under another's name is none.
Without such a folder, or where the disk is full or read-only, nothing is kept, and all goes on as without it.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256

KEPT_SECONDS = 7 * 24 * 3600
_DAY_SECONDS = 24 * 3600
_FORMAT = b"dagbranch cache 1\n"
_DIGEST_BYTES = 32
_PRUNED = ".pruned"
_KIND_AND_OTHERS = 0o170000 | stat.S_IRWXG | stat.S_IRWXO


class Cache:
    """One folder of such files. ``folder`` None is a cache that keeps nothing."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._writes = folder is not None

    def read(self, key: bytes) -> bytes | None:
        """What was written under the key: a SHA-256."""
        if self._folder is None:
            return None
        file = f"{self._folder}/{key.hex()}"
        try:
            with open(file, "rb", buffering=0) as handle:  # noqa: PTH123 - read as often as modules are imported
                found, status = handle.read(), os.fstat(handle.fileno())
        except OSError:
            return None
        start = len(_FORMAT) + 2 * _DIGEST_BYTES
        content = found[start:]
        if status.st_uid != os.getuid() or found[:start] != _head(key, content):
            return None
        if time.time() - status.st_mtime > _DAY_SECONDS:
            with suppress(OSError):  # tells that it is used
                os.utime(file)
        return content

    def write(self, key: bytes, content: bytes) -> None:
        """In one step: another process sees all of it or nothing."""
        if self._folder is None or not self._writes:
            return
        temporary = None
        try:
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".")
            with open(handle, "wb") as file:  # noqa: PTH123 - of an open file
                file.write(_head(key, content) + content)
            os.replace(temporary, f"{self._folder}/{key.hex()}")  # noqa: PTH105 - as above
        except OSError:
            self._writes = False
            with suppress(OSError):
                os.unlink(temporary or "")  # noqa: PTH108 - as above
        else:
            self._prune(self._folder)

    def _prune(self, folder: str) -> None:
        """Once a day, what nobody read for a week."""
        now, mark = time.time(), f"{folder}/{_PRUNED}"
        with suppress(OSError):  # another process may be doing the same
            if os.path.exists(mark) and now - os.stat(mark).st_mtime < _DAY_SECONDS:  # noqa: PTH110, PTH116 - as above
                return
            with open(mark, "wb"):  # noqa: PTH123 - as above
                os.utime(mark)
            for entry in list(os.scandir(folder)):
                with suppress(OSError):
                    if now - entry.stat(follow_symlinks=False).st_mtime > KEPT_SECONDS:
                        os.unlink(entry.path)  # noqa: PTH108 - as above


def cache_of(kind: str) -> Cache:
    """The cache of this user for one kind of files; looked for once per process."""
    try:
        return cache_in(tempfile.gettempdir(), os.getuid(), kind)
    except OSError:  # no temporary folder at all
        return Cache(None)


def own_folder(temporary: str, user: int, kind: str) -> str | None:
    """Made where it is not there; None where another user made it or may write to it: what is in it gets executed."""
    folder = temporary
    for name in (f"dagbranch-{user}", kind):
        folder = f"{folder}/{name}"
        try:
            with suppress(FileExistsError):
                os.mkdir(folder, mode=0o700)  # noqa: PTH102 - as above
            status = os.lstat(folder)
        except OSError:
            return None
        if status.st_uid != user or status.st_mode & _KIND_AND_OTHERS != stat.S_IFDIR:
            return None
    return folder


@lru_cache(maxsize=8)
def cache_in(temporary: str, user: int, kind: str) -> Cache:
    """The one below this temporary folder."""
    return Cache(own_folder(temporary, user, kind))


def _head(key: bytes, content: bytes) -> bytes:
    return _FORMAT + key + sha256(content).digest()
