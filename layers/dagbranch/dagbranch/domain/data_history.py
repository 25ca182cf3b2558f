"""What of the work at an environment's data is kept in its history and told to its author: bounded, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from dagbranch.domain.statements import Statement
from dagbranch.domain.warehouse_state import FoundSchema
from dagbranch.errors import UpstreamError

_LONGEST: Final = 2_000  # of what a person reads, and of what a registry's item holds many times over
_MOST_LISTED: Final = 20
_LONGEST_STATEMENT: Final = 100


@dataclass(frozen=True)
class Followed:
    """How an environment's views and tables came to differ from what stood: full names."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    @classmethod
    def of(cls, statements: Iterable[Statement], before: Mapping[str, FoundSchema]) -> Self:
        """What these statements did, which ran where ``before`` stood."""
        stood = {f"{schema}.{name}" for schema, found in before.items() for name in found.tables}
        dropped: dict[str, None] = {}
        made: dict[str, None] = {}
        for statement in statements:
            names = [name for name in statement.writes if _is_about_a_table(statement)]
            (dropped if statement.sql.startswith("DROP ") else made).update(dict.fromkeys(names))
        return cls(
            added=tuple(name for name in made if name not in stood),
            removed=tuple(name for name in dropped if name not in made),
            changed=tuple(name for name in made if name in stood),
        )

    def __str__(self) -> str:
        signs = [*(f"+ {_last(name)}" for name in self.added), *(f"- {_last(name)}" for name in self.removed)]
        changed = [f"{len(self.changed)} changed"] if self.changed else []
        return shortened(f"followed the base: {', '.join([*_listed(signs), *changed]) or 'comments and access'}")


def broken_off(error: UpstreamError) -> str:
    """How far a run came, and what stopped it; the next one goes on from there."""
    ran = [_cut(str(each), _LONGEST_STATEMENT) for each in error.ran]
    done = f"{len(ran)} statement{'' if len(ran) == 1 else 's'} ran"
    return shortened(f"broken off: {error}\n{done}{': ' if ran else ''}{'; '.join(_listed(ran))}")


def shortened(text: str) -> str:
    return _cut(text, _LONGEST)


def _is_about_a_table(statement: Statement) -> bool:
    return not statement.sql.startswith(("CREATE SCHEMA", "DROP SCHEMA", "COMMENT ", "GRANT ", "REVOKE "))


def _listed(words: Sequence[str]) -> list[str]:
    more = len(words) - _MOST_LISTED
    return [*words[:_MOST_LISTED], *([f"and {more} more"] if more > 0 else [])]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
