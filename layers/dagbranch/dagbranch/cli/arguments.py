"""What all commands share: how they are declared, how they end, and the one line that refuses their arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from dagbranch.domain.naming import is_commit_sha, is_environment_name, is_repository_name
from dagbranch.errors import SourceError

BAD_INPUT: Final = 2


@dataclass(frozen=True)
class Ended:
    """``result`` is what --json prints, ``text`` what people read; ``status`` is the process's own."""

    result: Mapping[str, Any]
    text: str
    status: int = 0


class Parser(argparse.ArgumentParser):
    """Tells what is wrong with the arguments in one line; the usage is what --help is for."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], Ended], summary: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)
    return parser


def add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a folder, or a source archive")


def pull_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no pull request's number")
    return int(text)


def repository_name(text: str) -> str:
    if not is_repository_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no repository: expected owner/name")
    return text


def whole_commit(text: str) -> str:
    if len(text) != 40 or not is_commit_sha(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole id of a commit: expected 40 hexadecimal digits")
    return text


def checked_environment(name: str) -> str:
    if not is_environment_name(name):
        raise SourceError(f"--environment {name}: expected a name of a-z, 0-9 and _, as `dagbranch name` prints it")
    return name
