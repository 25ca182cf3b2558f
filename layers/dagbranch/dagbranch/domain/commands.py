"""``/dagbranch …`` in a comment on a pull request → what is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

type CommandName = Literal["deploy", "redeploy", "reset-data", "remove", "keep", "status", "schedules"]

COMMANDS: Final = get_args(CommandName.__value__)
# Possessive throughout: a stranger's comment of 65,536 characters must not have it look at any of them twice.
_LINE: Final = re.compile(r"\s*+/dagbranch(?:[ \t]++(?P<words>[^\n\r]*+))?+(?:\r?\n|\Z)")
_SHA: Final = re.compile(r"[0-9a-f]{7,40}")
_MOST_TOLD: Final = 60


@dataclass(frozen=True)
class Command:
    """``argument``: of ``deploy`` a commit or, but for a fork's, its beginning; of ``schedules`` on or off."""

    name: CommandName
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.argument}".rstrip()


@dataclass(frozen=True)
class UnknownCommand:
    """What was written instead of a command, cut to what is repeated to its author."""

    words: str

    def __str__(self) -> str:
        return self.words


def command_in(comment: str) -> Command | UnknownCommand | None:
    """Of the comment's first line; None where that is no command at all."""
    found = _LINE.match(comment)
    if found is None:
        return None
    words = (found["words"] or "").split()
    match words:
        case [("deploy" | "redeploy" | "reset-data" | "remove" | "keep" | "status") as name]:
            return Command(name)
        case ["deploy", sha] if _SHA.fullmatch(sha):
            return Command("deploy", sha)
        case ["schedules", "on" | "off" as switch]:
            return Command("schedules", switch)
    return UnknownCommand(" ".join(words)[:_MOST_TOLD])
