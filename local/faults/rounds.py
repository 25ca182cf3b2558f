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
from local.faults.injector import Injected, Injector
from local.faults.journal import outcome
from local.faults.kinds import Fault, Kind, Phase, Step, steps_of_each
from local.faults.pipelines import ROWS, SCHEMA, open_unheard
from local.faults.settling import Settled, settle
from local.faults.stand import Stand, rows
from local.github import Pull

_PHASES: Final[tuple[Phase, ...]] = ("deploy", "removal")
_RECORDED: Final = 2  # at once: what one of them asks for again and the other does not is a matter of chance
_DELIVERIES_AT_ONCE: Final = 2  # the function's sandboxes: GitHub waits for 10 s
_LOOKS_AT_ONCE: Final = 4
_NOT_MET: Final = "its request did not come"
_NOT_INJECTED: Final = "not injected"


@dataclass(frozen=True)
class Row:
    """A fault and what came of it; ``wrong`` is what is not as it should be."""

    fault: Fault
    seen: str  # what the function made of it
    end: str
    wrong: str = ""

    @property
    def is_injected(self) -> bool:
        return self.end != _NOT_INJECTED


def record(stand: Stand) -> frozenset[Step]:
    """The steps of a deploy and a removal, from a cold start. Raises AssertionError where something is wrong."""
    stand.proxies.watch.end_idle()
    pulls = _opened(stand, [f"undisturbed-{place}" for place in range(_RECORDED)])
    rows = _run_round(stand, [], pulls, per_function=0)
    assert not rows, rows
    return steps_of_each([stand.proxies.injector.steps(pull.number) for pull in pulls])


def run_faults(stand: Stand, faults: Sequence[Fault], *, pulls: int, per_function: int) -> Iterator[Row]:
    """Every fault once, in rounds of up to ``pulls`` pull requests, until a round meets none of those that are left.

    Each meets at most ``per_function`` in one function and phase: each costs a receive, of which a message has six.
    """
    left = list(faults)
    for number in count(1):
        if not left:
            return
        stand.proxies.watch.end_idle()  # some requests are only a new process's
        opened = _opened(stand, [f"r{number}-{place}" for place in range(min(pulls, len(left)))])
        rows = _run_round(stand, left, opened, per_function=per_function)
        yield from rows
        met = {row.fault for row in rows}
        if met.isdisjoint(left):
            yield from (Row(fault, _NOT_MET, _NOT_INJECTED) for fault in left)
            return
        left = [fault for fault in left if fault not in met]


def _opened(stand: Stand, branches: Iterable[str]) -> list[Pull]:
    return [open_unheard(stand.repository, branch) for branch in branches]


def _run_round(stand: Stand, faults: Sequence[Fault], pulls: Sequence[Pull], *, per_function: int) -> list[Row]:
    """From opening to closing; all are gone afterwards."""
    return [row for phase in _PHASES for row in _run_phase(stand, phase, pulls, faults, per_function)]


def _run_phase(
    stand: Stand, phase: Phase, pulls: Sequence[Pull], faults: Sequence[Fault], per_function: int
) -> list[Row]:
    injector, before = stand.proxies.injector, stand.neighbour()
    already = len(injector.injected)
    injector.plan(phase, faults, pulls=[pull.number for pull in pulls], per_function=per_function)
    _announce(stand, phase, pulls)
    settled = settle(stand, pulls, phase)
    beside = "" if stand.neighbour() == before else "; the environment beside it was touched"
    with ThreadPoolExecutor(_LOOKS_AT_ONCE) as threads:
        looked = threads.map(lambda pull: _wrong(stand, phase, pull, settled) + beside, pulls)
        wrong = {pull.number: text for pull, text in zip(pulls, looked, strict=True)}
    met = injector.injected[already:]
    undisturbed = wrong.keys() - {one.invocation.pull_number for one in met}
    return [
        *(_row(stand, phase, one, settled, wrong) for one in met),
        *(_late(injector, number, wrong[number]) for number in undisturbed if wrong[number]),
    ]


def _late(injector: Injector, pull_number: int, wrong: str) -> Row:
    """Of what went wrong after the phase of its fault. Raises AssertionError where there was none."""
    faults = [one.fault for one in injector.injected if one.invocation.pull_number == pull_number]
    assert faults, wrong
    return Row(faults[-1], "went on", "", wrong)


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
