"""The gates between two lanes, as pure decisions on what was gathered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from dagbranch.domain.path_expressions import ANYTHING, matches
from dagbranch.domain.specification import Promotion

type Outcome = Literal["passed", "failed", "later", "skipped"]
type CheckState = Literal["passed", "failed", "pending"]

READY, SOAK, CHECKS, RUNS, DATA, HOLD = "ready", "soak", "checks", "runs", "data", "hold"
SKIPPABLE: Final = frozenset({SOAK, CHECKS, RUNS, DATA})
UNSKIPPABLE: Final = {
    READY: "without it there is nothing to promote",
    HOLD: "release it with hold: false and a reason",
}
FOUND_ROWS: Final = "found rows"  # and not which: anybody's data may be in them
_OUR_OWN: Final = "dagbranch/"  # begins the names of our checks, which say what the lanes know themselves
_MOST_LISTED: Final = 5
_LONGEST_FAULT: Final = 200


@dataclass(frozen=True)
class Gate:
    """``later`` has not passed yet and may by itself; ``failed`` does not. ``detail`` is one line for people."""

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True)
class GateFacts:
    """What was gathered of a commit in ``lane``.

    ``ready_at``, ``until``: when it became ready there, and when another took its place. ``obstacle``: why it is not
    ready, in words; ``is_coming``: it still may be. ``succeeded``: when the last good run of a DAG ended. ``found``:
    what each data check found, in words, None where nothing; None of all where they were not asked. ``held``: who
    keeps it out, in words; ``is_canary``: it takes nobody's place.
    """

    lane: str
    ready_at: datetime | None = None
    until: datetime | None = None
    is_coming: bool = False
    obstacle: str = ""
    checks: Mapping[str, CheckState] = field(default_factory=dict)
    succeeded: Mapping[str, datetime] = field(default_factory=dict)
    found: Mapping[str, str | None] | None = None
    held: str = ""
    is_canary: bool = False


def judge(facts: GateFacts, settings: Promotion, skip: Mapping[str, str], now: datetime) -> tuple[Gate, ...]:
    """Every gate with its outcome. ``skip``: those that are not asked, with who wants that and why."""
    return tuple(_gate(name, of, facts, settings, skip, now) for name, of in _JUDGES.items())


def verdict_on(gates: Iterable[Gate]) -> Literal["promoted", "waiting", "refused"]:
    """Refused where any gate has failed, waiting where what has not passed may pass by itself."""
    outcomes = {gate.outcome for gate in gates}
    if "failed" in outcomes:
        return "refused"
    return "waiting" if "later" in outcomes else "promoted"


def wants_data_checks(gates: Sequence[Gate]) -> bool:
    """Whether the warehouse is to be asked: it is not woken for what waits, is held, or was never there."""
    others = {gate.name: gate.outcome for gate in gates if gate.name != DATA}
    is_open = any(gate.name == DATA and gate.outcome == "later" for gate in gates)
    return is_open and others[READY] == others[HOLD] == "passed" and "later" not in others.values()


def fault_in_words(error: Exception) -> str:
    """Why a data check gave no answer, in one line."""
    text = "".join(map(_escaped, " ".join(str(error).split())[: _LONGEST_FAULT + 1]))
    return f"cannot be asked: {text if len(text) <= _LONGEST_FAULT else f'{text[: _LONGEST_FAULT - 1]}…'}"


def _gate(name: str, of: _Judge, facts: GateFacts, settings: Promotion, skip: Mapping[str, str], now: datetime) -> Gate:
    if name in skip and name in SKIPPABLE:
        return Gate(name, "skipped", skip[name])
    if name in SKIPPABLE and facts.ready_at is None:  # what is asked for is in the archive that is still to come
        return Gate(name, "later", f"asked once it is ready in {facts.lane}")
    return Gate(name, *of(facts, settings, now))


def _ready(facts: GateFacts, _: Promotion, now: datetime) -> tuple[Outcome, str]:
    if facts.ready_at is None:
        return ("later" if facts.is_coming else "failed"), facts.obstacle or f"not ready in {facts.lane} yet"
    since = f"since {_moment(facts.ready_at, now)}"
    return "passed", f"ready in {facts.lane} {since}" + (f" until {_moment(facts.until, now)}" if facts.until else "")


def _soak(facts: GateFacts, settings: Promotion, now: datetime) -> tuple[Outcome, str]:
    assert facts.ready_at is not None, "it never stood"
    wanted = settings.soak_time
    stood = (facts.until or now) - facts.ready_at
    if stood >= wanted:
        return "passed", f"ready here for {_span(stood)} of {_span(wanted)}" if wanted else "no time is asked for"
    told = f"ready here for {_span(stood)} of {_span(wanted)}"
    if facts.until is not None:
        return "failed", f"{told}, then another commit took its place: deploy that one, or skip {SOAK} with a reason"
    return "later", f"{told}: passes at {_moment(facts.ready_at + wanted, now)}"


def _checks(facts: GateFacts, settings: Promotion, _: datetime) -> tuple[Outcome, str]:
    found = {name: state for name, state in facts.checks.items() if not name.startswith(_OUR_OWN)}
    wanted = {name: state for name, state in found.items() if any(matches(one, name) for one in settings.checks)}
    missing = [one for one in settings.checks if one != ANYTHING and not any(matches(one, name) for name in found)]
    if failed := [name for name, state in wanted.items() if state == "failed"]:
        return "failed", f"not green: {_listed(failed)}: run again what should pass"
    if pending := [name for name, state in wanted.items() if state == "pending"]:
        return "later", f"still running: {_listed([*pending, *missing])}"
    if missing:
        return "later", f"not there yet: {_listed(missing)}"
    if not wanted:
        return "passed", "it has no checks" if settings.checks else "none is asked for"
    return "passed", f"green: {_listed(wanted)}"


def _runs(facts: GateFacts, settings: Promotion, now: datetime) -> tuple[Outcome, str]:
    if not settings.runs:
        return "passed", "none is asked for"
    assert facts.ready_at is not None, "it never stood"
    missing = [dag_id for dag_id in settings.runs if dag_id not in facts.succeeded]
    if not missing:
        return "passed", _listed(f"{dag_id} at {_moment(facts.succeeded[dag_id], now)}" for dag_id in settings.runs)
    told = f"no successful run since {_moment(facts.ready_at, now)} of {_listed(missing)}"
    if facts.until is not None:
        return "failed", f"{told}, and another commit has taken its place: deploy that one, or skip {RUNS}"
    return "later", f"{told}: passes once it has run"


def _data(facts: GateFacts, settings: Promotion, _: datetime) -> tuple[Outcome, str]:
    if not settings.data_checks:
        return "passed", "none is asked for"
    if facts.found is None:
        return "later", f"asked once the other gates have passed: {_listed(settings.data_checks)}"
    found = facts.found
    if failing := [f"{name} {told}" for name in settings.data_checks if (told := found.get(name)) is not None]:
        return "failed", f"{'; '.join(failing[:_MOST_LISTED])}{_more(len(failing))}: mend the data, then deploy again"
    return "passed", f"no rows: {_listed(settings.data_checks)}"


def _hold(facts: GateFacts, _: Promotion, __: datetime) -> tuple[Outcome, str]:
    if facts.is_canary:
        return "passed", "a canary takes nobody's place"
    return ("failed", facts.held) if facts.held else ("passed", "nobody holds it")


type _Judge = Callable[[GateFacts, Promotion, datetime], tuple[Outcome, str]]

_JUDGES: Final[Mapping[str, _Judge]] = {
    READY: _ready,
    SOAK: _soak,
    CHECKS: _checks,
    RUNS: _runs,
    DATA: _data,
    HOLD: _hold,
}


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:_MOST_LISTED]) + _more(len(found))


def _more(count: int) -> str:
    return f" and {count - _MOST_LISTED} more" if count > _MOST_LISTED else ""


def _moment(time: datetime, now: datetime) -> str:
    return f"{time:%H:%M} UTC" if time.date() == now.date() else f"{time:%Y-%m-%d %H:%M} UTC"


def _span(time: timedelta) -> str:
    """``45 s``, ``12 min``, ``2 h 5 min``, ``3 d 4 h``: the two largest units."""
    seconds = max(0, int(time.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    parts = ((seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min"))
    first = next(place for place, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()
