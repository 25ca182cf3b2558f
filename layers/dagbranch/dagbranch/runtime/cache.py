"""Small files that one process leaves for the next: written in one step, dropped when nobody reads them for a week.

Without a folder for them, or where the disk is full or read-only, nothing is kept, and all goes on as without it.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from functools import lru_cache

from dagbranch.runtime.private_files import folder_of, head, read

KEPT_SECONDS = 7 * 24 * 3600
_DAY_SECONDS = 24 * 3600
_PRUNED = ".pruned"


class Cache:
    """One folder of such files. ``folder`` None is a cache that keeps nothing."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._writes = folder is not None

    def read(self, key: bytes) -> bytes | None:
        """What was written under the key: a SHA-256."""
        found = None if self._folder is None else read(self._folder, key)
        if found is None:
            return None
        content, used = found
        if time.time() - used > _DAY_SECONDS:
            with suppress(OSError):
                os.utime(f"{self._folder}/{key.hex()}")
        return content

    def write(self, key: bytes, content: bytes) -> None:
        """In one step: another process sees all of it or nothing."""
        if self._folder is None or not self._writes:
            return
        temporary = None
        try:
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".")
            with open(handle, "wb") as file:  # noqa: PTH123 - of an open file
                file.write(head(key, content) + content)
            os.replace(temporary, f"{self._folder}/{key.hex()}")  # noqa: PTH105 - text, for each module
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


@lru_cache(maxsize=8)
def cache_of(kind: str) -> Cache:
    """The cache of this user for one kind of files; looked for once per process."""
    return Cache(folder_of(kind))
