"""One stack of many environments in a process of its own: each line on standard input is a step, each answer its tally.

Steps: ``fill`` (``numbers``, ``head_sha``), ``sweep``, ``remove`` and ``take_in`` (what the last sweep asked for),
``limit`` (no more environments than stand now), ``memory`` (of an idle sweep).
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tracemalloc
from collections import Counter
from typing import Any

from moto import mock_aws

from benchmarks.parts.scale_stack import Event, ScaleStack
from dagbranch.domain.policy import Policy


class Steps:
    def __init__(self, stack: ScaleStack) -> None:
        self._stack = stack
        self._asked: list[Event] = []

    def fill(self, numbers: list[int], head_sha: str) -> None:
        self._stack.fill(numbers, head_sha)

    def sweep(self) -> dict[str, int]:
        """How many of each kind it asked for."""
        self._asked = self._stack.sweep()
        return Counter(str(kind) for kind, _ in self._asked)

    def remove(self) -> None:
        self._stack.remove(self._asked)

    def take_in(self) -> None:
        self._stack.take_in(self._asked)

    def limit(self) -> None:
        standing = sum(one.is_live for one in self._stack.registry.all("preview"))
        self._stack.policy = Policy(most_environments=standing)

    def memory(self) -> dict[str, float]:
        """Of one sweep: the most that it allocated, doubles' answers included, and the whole process before it."""
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        tracemalloc.start()
        self._stack.sweep()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return {"sweep_megabytes": most / 1024**2, "process_megabytes": before}


def main() -> None:
    github_url, repository_id = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with mock_aws():
        stack = ScaleStack(github_url, repository_id)
        steps = Steps(stack)
        for line in sys.stdin:
            asked: dict[str, Any] = json.loads(line)
            found = getattr(steps, asked.pop("do"))(**asked)
            answers.write(json.dumps({"tally": vars(stack.taken()), "found": found}) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
