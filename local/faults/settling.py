"""Waits until what was disturbed has come to its end, and helps as an operator would where it does not by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.domain.sweep_truths import STUCK_AFTER
from local.faults.dead_letters import UNDELIVERED, DeadLetter, redrive, take_dead_letters
from local.faults.kinds import Phase
from local.faults.stand import Stand, is_ready, is_removed
from local.github import Pull
from local.processes import NotReadyError, wait_until

_DEADLINE_SECONDS: Final = 600
_QUIET_SECONDS: Final = 1.5  # an event is in no queue for a moment


@dataclass
class Settled:
    """``helped``: by pull request, what it took beyond the queue; ``letters``: what was given up meanwhile."""

    helped: dict[int, str] = field(default_factory=dict)
    letters: list[DeadLetter] = field(default_factory=list)
    left: list[int] = field(default_factory=list)  # that did not come to their end


def settle(stand: Stand, pulls: Sequence[Pull], phase: Phase) -> Settled:
    """First the queues alone, then the sweep, then a redrive, then the sweep again when 45 minutes have passed."""
    settled = Settled()
    left = _left(stand, pulls, phase)
    for name, help_out in _helps(stand, settled, left):
        if not left():
            break
        settled.helped |= {pull.number: name for pull in left()}
        help_out()
        _wait(stand, left)
        settled.letters += take_dead_letters(stand.stack)
    settled.left = [pull.number for pull in left()]
    _wait_for_quiet(stand)
    return settled


def _helps(
    stand: Stand, settled: Settled, left: Callable[[], list[Pull]]
) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "", lambda: None
    yield "a sweep", stand.stack.sweep
    yield "a redrive", lambda: _redrive(stand, settled.letters)
    yield "a sweep 45 minutes later", lambda: _later(stand, left())


def _left(stand: Stand, pulls: Sequence[Pull], phase: Phase) -> Callable[[], list[Pull]]:
    has_ended = is_ready if phase == "deploy" else is_removed
    return lambda: [pull for pull in pulls if not has_ended(stand, pull)]


def _wait(stand: Stand, left: Callable[[], list[Pull]]) -> None:
    """Until all have ended, or nothing is under way that could end them."""
    wait_until(
        lambda: not left() or _stays_quiet(stand),
        what="the environments come to their end",
        deadline_seconds=_DEADLINE_SECONDS,
        every_seconds=0.5,
    )


def _wait_for_quiet(stand: Stand) -> None:
    wait_until(
        lambda: _stays_quiet(stand), what="all work is done", deadline_seconds=_DEADLINE_SECONDS, every_seconds=0.5
    )


def _stays_quiet(stand: Stand) -> bool:
    if not stand.is_quiet():
        return False
    try:
        wait_until(lambda: not stand.is_quiet(), what="work", deadline_seconds=_QUIET_SECONDS)
    except NotReadyError:
        return True
    return False


def _redrive(stand: Stand, letters: Sequence[DeadLetter]) -> None:
    for letter in letters:
        if letter.function != UNDELIVERED:
            redrive(stand.stack, letter)


def _later(stand: Stand, pulls: Sequence[Pull]) -> None:
    """As if nobody had written to their records for that long."""
    table = stand.stack.outputs["RegistryTableName"]
    registry = DynamoDbRegistry(stand.stack.aws.client("dynamodb"), table)
    for pull in pulls:
        found = stand.record(pull)
        if found is not None:
            long_ago = found.updated_at - STUCK_AFTER - timedelta(minutes=1)
            registry.save(replace(found, updated_at=long_ago), event="")
    stand.stack.sweep()
