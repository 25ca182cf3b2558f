"""The function package_dags as Lambda runs it: its own ``app.py`` and settings from the environment, in one process.

Each line on standard input is one event, each line of the answer what the handler took. With
``--where``, the answer also says in which parts the time was spent.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

FUNCTION: Final = Path(__file__).resolve().parents[2] / "functions" / "package_dags"
# (what it is, module, attribute): parts that do not lie in each other, but may run beside each other.
_PARTS: Final = (
    ("registry", "dagbranch.adapters.dynamodb", "DynamoDbRegistry.find"),
    ("registry", "dagbranch.adapters.dynamodb", "DynamoDbRegistry.get"),
    ("registry", "dagbranch.adapters.dynamodb", "DynamoDbRegistry.update"),
    ("get the source archive", "dagbranch.adapters.s3", "S3SourceBucket.get"),
    ("check its digest", "dagbranch.use_cases.deploy_half", "source_digest"),
    ("check and read its entries", "dagbranch.use_cases.deploy_half", "read_source_archive"),
    ("look at the zip that stands", "dagbranch.adapters.s3", "S3DagsBucket.zip"),
    ("make the zip", "dagbranch.domain.packaging", "package_dags"),
    ("list the copy that stands", "dagbranch.adapters.s3", "S3DagsBucket.copied"),
    ("compare with it", "dagbranch.use_cases.package_dags", "plan_copy"),
    ("put the copy", "dagbranch.adapters.s3", "S3DagsBucket.put_copy"),
    ("put the configuration", "dagbranch.adapters.s3", "S3DagsBucket.put_configuration"),
    ("put the zip", "dagbranch.adapters.s3", "S3DagsBucket.put_zip"),
    ("drop what is gone", "dagbranch.adapters.s3", "S3DagsBucket.drop_copied"),
    ("tell the bus", "dagbranch.adapters.event_bus", "EventBridgeBus.publish"),
)


@dataclass(frozen=True)
class Context:
    """What a handler is given of the invocation."""

    function_name: str = "package_dags"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:package_dags"
    memory_limit_in_mb: int = 512
    aws_request_id: str = "benchmark"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


class Parts:
    """The seconds that each part took, added up over its calls."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def watch(self) -> None:
        for title, module, attribute in _PARTS:
            *within, name = attribute.split(".")
            owner = import_module(module)
            for step in within:
                owner = getattr(owner, step)
            setattr(owner, name, self._timed(title, getattr(owner, name)))

    def _timed(self, title: str, part: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: object, **named: object) -> Any:
            started = time.perf_counter()
            try:
                return part(*args, **named)
            finally:
                self.seconds[title] += time.perf_counter() - started

        return timed


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the function's own log lines are no answers
    parts = Parts()
    sys.path.insert(0, str(FUNCTION))
    if "--where" in sys.argv[1:]:
        parts.watch()
    handler = import_module("app").lambda_handler
    for line in sys.stdin:
        parts.seconds.clear()
        started, cpu_before = time.perf_counter(), time.process_time()
        answer = handler(json.loads(line), Context())
        cost = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_before}
        if answer["batchItemFailures"]:
            sys.exit("package_dags failed: its log says why")
        answers.write(json.dumps({**cost, "parts": parts.seconds}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
