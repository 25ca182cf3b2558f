"""Compiled code that one process leaves for the next, as Python's own ``__pycache__`` does for a plain dags folder.

It is found by the source's content, so it cannot be of another version of it.
"""

from __future__ import annotations

import marshal
import sys
from hashlib import sha256
from importlib.util import MAGIC_NUMBER
from types import CodeType

from dagbranch.runtime.cache import cache_of


def code_of(source: bytes, file: str) -> CodeType:
    """The module's code, compiled where no process has yet; ``file`` is what tracebacks show. Raises SyntaxError."""
    cache = cache_of("bytecode")
    key = sha256(b"\0".join((MAGIC_NUMBER, b"%d" % sys.flags.optimize, file.encode(errors="surrogateescape"), source)))
    kept = cache.read(key.digest())
    if kept is not None:
        found = marshal.loads(kept)  # noqa: S302 - written by this user, and whole: the cache sees to that
        if isinstance(found, CodeType):
            return found
    code: CodeType = compile(source, file, "exec", dont_inherit=True)
    cache.write(key.digest(), marshal.dumps(code))
    return code
