"""Several pull requests at once, each with faults of its own, from opening to closing, and what was seen of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Final

from dagbranch.domain.naming import commit_tag
from local.demo import observation
from local.faults.dead_letters import DeadLetter
from local.faults.injector import Injected
from local.faults.journal import outcome
from local.faults.kinds import Fault, Kind, Phase, Step, shared_out
from local.faults.pipelines import ROWS, SCHEMA, open_unheard
from local.faults.settling import Settled, settle
from local.faults.stand import Stand, rows
from local.github import Pull

_PHASES: Final[tuple[Phase, ...]] = ("deploy", "removal")
_DELIVERIES_AT_ONCE: Final = 2  # the function's sandboxes: GitHub waits for 10 s
_LOOKS_AT_ONCE: Final = 4
_NOT_MET: Final = "its request did not come"


@dataclass(frozen=True)
class Row:
    """A fault and what came of it; ``wrong`` is what is not as it should be."""

    fault: Fault
    seen: str  # what the function made of it
    end: str
    wrong: str = ""


@dataclass(frozen=True)
class Round:
    rows: Sequence[Row]
    missed: Sequence[Fault]  # whose request did not come
    steps: frozenset[Step]  # all that were seen of its pull requests


def record(stand: Stand) -> frozenset[Step]:
    """The steps of one deploy and removal, from a cold start. Raises AssertionError where something is wrong."""
    stand.proxies.watch.end_idle()
    done = run_round(stand, [[]], ["undisturbed"])
    assert not done.rows, done.rows
    return done.steps


def run_faults(stand: Stand, faults: Sequence[Fault], *, pulls: int, per_function: int) -> Iterator[Row]:
    """Every fault once, in rounds; those whose request did not come, because an earlier fault led elsewhere, alone."""
    numbers = count(1)
    missed: list[Fault] = []
    left = list(faults)
    while left:
        taken, done = _next_round(stand, left, next(numbers), pulls=pulls, per_function=per_function)
        left = [fault for fault in left if fault not in taken]
        missed += done.missed
        yield from done.rows
    yield from _run_missed(stand, missed, numbers, pulls=pulls)


def _run_missed(stand: Stand, missed: Sequence[Fault], numbers: Iterator[int], *, pulls: int) -> Iterator[Row]:
    """Among them is what only the first invocation of a process asks for: of those, each round meets a few."""
    left = list(missed)
    while left:
        stand.proxies.watch.end_idle()
        taken, done = _next_round(stand, left, next(numbers), pulls=pulls, per_function=1)
        yield from done.rows
        if len(done.missed) == len(taken):
            yield from (Row(fault, _NOT_MET, "", "not injected") for fault in done.missed)
            left = [fault for fault in left if fault not in taken]
        else:
            left = [fault for fault in left if fault not in taken or fault in done.missed]


def _next_round(
    stand: Stand, left: Sequence[Fault], number: int, *, pulls: int, per_function: int
) -> tuple[set[Fault], Round]:
    """The first ones of what is left, with what came of them."""
    shares = [one for one in shared_out(left, pulls=pulls, per_function=per_function) if one]
    done = run_round(stand, shares, [f"r{number}-{place}" for place, _ in enumerate(shares)])
    return {fault for one in shares for fault in one}, done


def run_round(stand: Stand, shares: Sequence[Sequence[Fault]], branches: Sequence[str]) -> Round:
    """One pull request for each share; all are gone afterwards."""
    pulls = [open_unheard(stand.repository, branch) for branch in branches]
    faults = {pull.number: share for pull, share in zip(pulls, shares, strict=True)}
    found = [row for phase in _PHASES for row in _run_phase(stand, phase, pulls, faults)]
    met = {row.fault for row in found}
    missed = [fault for share in shares for fault in share if fault not in met]
    seen = [stand.proxies.injector.steps(pull.number) for pull in pulls]
    return Round(found, missed, frozenset().union(*seen))


def _run_phase(stand: Stand, phase: Phase, pulls: Sequence[Pull], faults: dict[int, Sequence[Fault]]) -> list[Row]:
    injector, before = stand.proxies.injector, stand.neighbour()
    already = len(injector.injected)
    injector.plan(phase, faults)
    _announce(stand, phase, pulls)
    settled = settle(stand, pulls, phase)
    met = injector.injected[already:]
    beside = "" if stand.neighbour() == before else "; the environment beside it was touched"
    with ThreadPoolExecutor(_LOOKS_AT_ONCE) as threads:
        looked = threads.map(lambda pull: _wrong(stand, phase, pull, settled) + beside, pulls)
        wrong = {pull.number: text for pull, text in zip(pulls, looked, strict=True)}
    disturbed = {one.invocation.pull_number for one in met}
    undisturbed = {number: text for number, text in wrong.items() if text and number not in disturbed}
    return [
        *(_row(stand, phase, one, settled, wrong) for one in met),
        *(_unmet(faults[number], text) for number, text in undisturbed.items()),
    ]


def _unmet(planned: Sequence[Fault], wrong: str) -> Row:
    """Of a pull request that went wrong before it met a fault of this phase. Raises AssertionError without faults."""
    assert planned, wrong
    return Row(planned[0], "an earlier fault", "", wrong)


def _announce(stand: Stand, phase: Phase, pulls: Sequence[Pull]) -> None:
    if phase == "removal":
        for pull in pulls:
            pull.close(deliver=False)
    with ThreadPoolExecutor(_DELIVERIES_AT_ONCE) as threads:
        list(threads.map(stand.deliver, pulls))


def _row(stand: Stand, phase: Phase, met: Injected, settled: Settled, wrong: dict[int, str]) -> Row:
    number = met.invocation.pull_number or 0
    seen = outcome(stand.proxies.journal.of(met.invocation), stand.stack.deployed.logs)
    helped = settled.helped.get(number, "")
    end = ("ready" if phase == "deploy" else "removed") + (f" after {helped}" if helped else "")
    letters = [one for one in settled.letters if _is_about(one, met)]
    if letters:
        seen = f"given up: {letters[0].reason[:120]}"
        if met.fault.kind != Kind.RUBBISH:
            wrong = {**wrong, number: f"what passes was given up; {wrong[number]}"}
    return Row(met.fault, seen, end, wrong[number].strip("; "))


def _is_about(letter: DeadLetter, met: Injected) -> bool:
    return (letter.function, letter.pull_number) == (met.invocation.function, met.invocation.pull_number)


def _wrong(stand: Stand, phase: Phase, pull: Pull, settled: Settled) -> str:
    if pull.number in settled.left:
        found = stand.record(pull)
        return f"it ended as {found.status if found else 'nothing'}: {found.message[:120] if found else ''}"
    look = _wrong_when_ready if phase == "deploy" else _left_when_removed
    return ", ".join(look(stand, pull))


def _wrong_when_ready(stand: Stand, pull: Pull) -> Iterable[str]:
    found, stack = stand.record(pull), stand.stack
    assert found is not None, "it is ready"
    name = found.claimed_name
    dags = observation.dags(stack, name)
    if [dag.dag_id for dag in dags] != [f"qu.{name}.faults"]:
        yield f"Airflow lists {dags}"
    elif not dags[0].is_active or commit_tag(pull.head_sha) not in dags[0].tags:
        yield f"its DAG is not at its commit: {dags}"
    if observation.schemas(stack, name) != {f"{SCHEMA}_{name}": {"m_read": "view", "m_written": "table"}}:
        yield f"its schemas are {observation.schemas(stack, name)}"
    elif rows(stack, name) != ROWS:
        yield f"its table has {rows(stack, name)}"
    if len(observation.job_code(stack, name)) != 1:
        yield f"its job code is {sorted(observation.job_code(stack, name))}"


def _left_when_removed(stand: Stand, pull: Pull) -> Iterable[str]:
    found, stack = stand.record(pull), stand.stack
    assert found is not None, "it is removed"
    if not found.receipt:
        yield "it has no receipt"
    if found.name is None:
        return
    looks: dict[str, Callable[[], object]] = {
        "objects": lambda: observation.objects(stack, found.claimed_name),
        "source archives": lambda: observation.source_archives(stack, stand.repository.full_name, pull.number),
        "DAGs": lambda: observation.dags(stack, found.claimed_name),
        "schemas": lambda: observation.schemas(stack, found.claimed_name),
        "a claim": lambda: found.name in observation.claims(stack),
    }
    for what, look in looks.items():
        if left := look():
            yield f"{what} left: {left}"
