"""Ends what a dead parent left: reads lines ``+<group>`` and ``-<group>``, and at their end kills what remains.

The parent holds the other end of the pipe, so the lines end however it dies. (Linux's parent-death signal
does not serve: it fires when the *thread* that started a child ends.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        groups.add(group) if line[0] == "+" else groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
