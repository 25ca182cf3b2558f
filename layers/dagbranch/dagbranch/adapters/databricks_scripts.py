"""What goes into one request: which statements may share a script, how they are spread, and which forms are known.

A script (``BEGIN …; END``) is not atomic: its first failure ends it, and what came before stays.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dagbranch.domain.statements import Statement

# A script that outlasts the first answer (5 s here) costs four more requests: to ask for its end, and to close it.
MOST_IN_A_SCRIPT: Final = 50
# A script of fewer takes about as long as its request.
FEWEST_IN_A_SCRIPT: Final = 25
ASK_FOR_SCRIPTS: Final = "BEGIN SELECT 1; END"

# DDL that moves no data and can be run again: told by the words before the first name, which only our builders write.
_LIGHT: Final = frozenset(
    {
        "CREATE VIEW",
        "CREATE OR REPLACE VIEW",
        "CREATE TABLE",
        "ALTER TABLE",
        "DROP VIEW",
        "DROP TABLE",
        "GRANT",
        "REVOKE",
    }
)
_SHALLOW_CLONE: Final = "SHALLOW CLONE"
_FEATURES: Final = ("WITH SCHEMA EVOLUTION", _SHALLOW_CLONE)
_QUOTED: Final = re.compile(r"`[^`]*`|'(?:[^'\\]|\\.)*'", re.DOTALL)


@dataclass
class KnownForms:
    """What one warehouse was seen not to know, for as long as the process lives. Threads only ever add to it."""

    scripts: bool = True
    unknown: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)

    def as_run(self, statement: Statement) -> tuple[Statement, ...]:
        """The statement, or what runs in its place."""
        if self.unknown and kind_of(statement) in self.unknown and statement.otherwise:
            return tuple(each for other in statement.otherwise for each in self.as_run(other))
        return (statement,)

    def first_doubtful(self, statements: Sequence[Statement]) -> Statement | None:
        """One of a form that may not be known, and has another in its place."""
        settled = self.unknown | self.proven
        return next((each for each in statements if each.otherwise and kind_of(each) not in settled), None)


def known_forms(host: str, http_path: str) -> KnownForms:
    """The one of this warehouse in this process."""
    return _KNOWN.setdefault((host, http_path), KnownForms())


_KNOWN: Final[dict[tuple[str, str], KnownForms]] = {}


@dataclass(frozen=True)
class Job:
    """What one session runs. ``again``: in a script that failed, so that part of it may have been done."""

    statements: tuple[Statement, ...]
    again: bool = False

    @property
    def is_script(self) -> bool:
        return len(self.statements) > 1


def kind_of(statement: Statement) -> str:
    """Its first words, and the feature that not every warehouse knows: ``CREATE VIEW WITH SCHEMA EVOLUTION``."""
    plain = _QUOTED.sub("`", statement.sql)
    head = " ".join(plain.partition("`")[0].split()[:4])
    return " ".join([head, *(feature for feature in _FEATURES if feature in plain)])


def is_clone(statement: Statement) -> bool:
    return kind_of(statement).endswith(_SHALLOW_CLONE)


def is_light(statement: Statement) -> bool:
    """Whether it may share a script: no data, and no schema, whose marker has to be seen to be ours."""
    kind = kind_of(statement)
    head = "GRANT" if kind.startswith("GRANT ") else "REVOKE" if kind.startswith("REVOKE ") else kind
    words = head.removesuffix(" WITH SCHEMA EVOLUTION")
    return words in _LIGHT and not (words == "CREATE TABLE" and " AS SELECT " in statement.sql)


def jobs_of(statements: Sequence[Statement], forms: KnownForms, sessions: int) -> list[Job]:
    """Each statement once: the light ones in scripts of like size beside each other, the others by themselves."""
    if not forms.scripts:
        return singly(statements)
    light = [each for each in statements if is_light(each) and all(map(is_light, forms.as_run(each)))]
    alone = set(map(id, statements)) - set(map(id, light))
    scripts = [Job(chunk) for chunk in _spread(light, sessions)]
    return [*(Job((each,)) for each in statements if id(each) in alone), *scripts]


def singly(statements: Sequence[Statement], *, again: bool = False) -> list[Job]:
    return [Job((each,), again) for each in statements]


def script_of(statements: Sequence[Statement]) -> str:
    return "\n".join(["BEGIN", *(f"{each.sql};" for each in statements), "END"])


def _spread(statements: Sequence[Statement], sessions: int) -> list[tuple[Statement, ...]]:
    if not statements:
        return []
    beside = min(sessions, math.ceil(len(statements) / FEWEST_IN_A_SCRIPT))
    # Whole rounds, so that no session waits for another's second script.
    rounds = math.ceil(len(statements) / (beside * MOST_IN_A_SCRIPT))
    size = math.ceil(len(statements) / (beside * rounds))
    return [tuple(statements[start : start + size]) for start in range(0, len(statements), size)]
