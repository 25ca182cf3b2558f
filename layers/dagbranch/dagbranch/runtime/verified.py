"""Whether a folder holds a package's files in its version: each is read once, and again where it may have changed."""

from __future__ import annotations

import marshal
import os
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path

from dagbranch.runtime.cache import cache_of

Signature = tuple[int, int, int, int]

# Within the precision of a file system's clock, a file can change without its times telling.
_PRECISION_SECONDS = 2


def holds(folder: Path, files: Mapping[str, Mapping[str, object]], digest: str, now: float) -> bool:
    """``files``: size and SHA-256 by path; ``digest``: of all of them; ``now``: in seconds since 1970.

    Sizes first: they tell most differences without reading anything.
    """
    try:
        found = {path: _signature(f"{folder}/{path}") for path in files}
        if any(found[path][0] != facts["size"] for path, facts in files.items()):
            return False
        key, cache = sha256(f"{digest} {folder}".encode(errors="surrogateescape")).digest(), cache_of("verified")
        known = _read(cache.read(key))
        unknown = [path for path, signature in found.items() if known.get(path) != signature]
        if any(_digest_of(f"{folder}/{path}") != files[path]["sha256"] for path in unknown):
            return False
    except OSError:
        return False
    if settled := _settled(unknown, found, now):
        cache.write(key, marshal.dumps({**known, **settled}))
    return True


def _settled(paths: Collection[str], found: Mapping[str, Signature], now: float) -> dict[str, Signature]:
    """Those whose next change will show, whenever it comes."""
    until = (now - _PRECISION_SECONDS) * 1e9
    return {path: found[path] for path in paths if max(found[path][1:3]) < until}


def _signature(file: str) -> Signature:
    status = os.stat(file)  # noqa: PTH116 - a thousand times
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _digest_of(file: str) -> str:
    return sha256(Path(file).read_bytes()).hexdigest()


def _read(content: bytes | None) -> dict[str, Signature]:
    found = {} if content is None else marshal.loads(content)  # noqa: S302 - see cache
    return found if isinstance(found, dict) else {}
