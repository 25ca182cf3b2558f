"""The ``dagbranch`` program: one command, and its result or one line that says what is wrong with its input."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from dagbranch import __version__
from dagbranch.cli import archive, check, github_app, history, package, plan, verify
from dagbranch.cli.arguments import BAD_INPUT, Ended, Parser
from dagbranch.errors import DagbranchError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; bad input ends in one line on standard error and exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        ended: Ended = options.run(options)
    except (DagbranchError, OSError) as error:
        print(f"dagbranch: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    print(json.dumps(ended.result) if options.json else ended.text)
    return ended.status


def _parser() -> Parser:
    parser = Parser(prog="dagbranch", description="Environments for pull requests on Airflow.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (archive, check, package, verify, plan, history, github_app):
        module.add_to(commands)
    return parser
