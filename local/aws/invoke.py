"""``python -m local.aws.invoke FUNCTION EVENT.json``: runs one function of the template once, in the sandbox.

It does without docker what ``sam local invoke`` does with it: the template is built and deployed into a fresh
emulator, the function gets the event through the Lambda API, and its answer and its log are printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.aws import InvocationResult, LocalAws, sam_build
from local.toolchain import CACHE, ROOT

BUILD_FOLDER = CACHE / "build" / "template"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parsed(arguments)
    event = json.loads(options.event.read_text())
    sam_build(options.template, options.build_folder)
    with tempfile.TemporaryDirectory(prefix="invoke-") as folder:
        aws = LocalAws(Path(folder), function_environment=dict(options.environment))
        result = _invoke(aws, options.build_folder, dict(options.parameter), options.function, event)
        _print(result, aws.logs / f"{options.function}.log")
    return 0 if result.ok else 1


def _invoke(
    aws: LocalAws, build_folder: Path, parameters: Mapping[str, str], function: str, event: object
) -> InvocationResult:
    try:
        aws.start()
        aws.deploy(build_folder, stack_name="invoke", parameters=parameters)
        return aws.invoke(function, event)
    finally:
        aws.stop()


def _print(result: InvocationResult, log: Path) -> None:
    """The answer on standard output, so that it can be piped; the log on standard error."""
    if log.exists():
        print(log.read_text(), file=sys.stderr, end="", flush=True)
    print(json.dumps(result.payload, indent=2, ensure_ascii=False))


def _parsed(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m local.aws.invoke", description=__doc__.partition("\n")[0])
    parser.add_argument("function", metavar="FUNCTION", help="its logical id in the template")
    parser.add_argument("event", metavar="EVENT.json", type=Path)
    parser.add_argument("--parameter", metavar="K=V", type=_pair, action="append", default=[], help="of the template")
    parser.add_argument("--environment", metavar="K=V", type=_pair, action="append", default=[], help="of the function")
    parser.add_argument("--template", type=Path, default=ROOT / "template.yaml")
    parser.add_argument("--build-folder", type=Path, default=BUILD_FOLDER)
    return parser.parse_args(arguments)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


if __name__ == "__main__":
    sys.exit(main())
