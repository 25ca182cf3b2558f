"""What can go wrong with a request, which requests there are, and which of both are put together: plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final, Literal

type Phase = Literal["deploy", "removal"]


class Kind(StrEnum):
    """The words are those of the table."""

    REFUSED = "refuses"  # the connection is reset before anything is answered
    SILENT = "times out"  # nothing is answered until the client gives up
    THROTTLED = "answers 429"
    BROKEN = "answers 500"
    RUBBISH = "answers rubbish"  # it does the work, and what comes back is a page of HTML
    CUT = "drops half-way"  # it does the work, and the connection ends within the answer
    LOST = "answer lost"  # it does the work, and the connection ends before the answer
    KILLED_BEFORE = "killed before"  # the function's process, before its request arrives
    KILLED_AFTER = "killed after"  # when the work is done, before its answer arrives


KILLS: Final = frozenset({Kind.KILLED_BEFORE, Kind.KILLED_AFTER})
# Once: the client's own second try shows what the first one left behind. The others last as long as the invocation,
# so that it fails although its clients try again.
ONCE: Final = frozenset({Kind.SILENT, Kind.LOST, *KILLS})
AFTER_THE_WORK: Final = frozenset({Kind.RUBBISH, Kind.CUT, Kind.LOST, Kind.KILLED_AFTER})


@dataclass(frozen=True, order=True)
class Step:
    """The ``ordinal``-th request (from 1) of this operation within one invocation of the function."""

    phase: Phase
    function: str
    upstream: str
    operation: str
    ordinal: int

    def __str__(self) -> str:
        return f"{self.phase}: {self.function} → {self.upstream} {self.operation} ({self.ordinal})"


@dataclass(frozen=True)
class Fault:
    step: Step
    kind: Kind

    def __str__(self) -> str:
        return f"{self.step} {self.kind}"


def one_per_operation(steps: Iterable[Step]) -> list[Fault]:
    """Each operation once, at its first or its last request in turn; the kinds take turns within each upstream."""
    kinds, turns = list(Kind), dict[str, int]()
    chosen = []
    for same in _by_operation(steps):
        turn = turns.get(same[0].upstream, len(turns))
        chosen.append(Fault(same[-(turn % 2)], kinds[turn % len(kinds)]))
        turns[same[0].upstream] = turn + 5  # prime to the number of kinds: neighbours differ much, and all come
    return chosen


def every_kind_per_step(steps: Iterable[Step]) -> list[Fault]:
    return [Fault(step, kind) for step in sorted(set(steps)) for kind in Kind]


def steps_of_each(recorded: Sequence[frozenset[Step]]) -> frozenset[Step]:
    """Of several recordings the steps to be counted on: a first request that any made, another that all made.

    A first request may be only a new process's; one more of the same operation may be a second try after a race.
    """
    again = frozenset.intersection(*recorded)
    return frozenset(step for step in frozenset().union(*recorded) if step.ordinal == 1 or step in again)


def _by_operation(steps: Iterable[Step]) -> Iterator[list[Step]]:
    for _, same in groupby(sorted(set(steps)), key=lambda one: (one.phase, one.function, one.upstream, one.operation)):
        yield list(same)
