"""Watches every request of the functions, and says which of them goes wrong, and how."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local.faults.callers import Callers, Invocation
from local.faults.kinds import ONCE, Fault, Kind, Phase, Step
from local.faults.operations import Request, operation_of


@dataclass(frozen=True)
class Injected:
    """A fault that was met, by this invocation."""

    fault: Fault
    invocation: Invocation


@dataclass
class _Course:
    """One invocation so far: how often it asked for what, and what goes wrong in it."""

    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    fault: Fault | None = None


class Injector:
    """One invocation meets one fault at most, so that what comes of it is that fault's."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._lock = threading.Lock()
        self._phase: Phase = "deploy"
        self._planned: dict[int, list[Fault]] = {}
        self._courses: dict[int, _Course] = {}
        self._seen: dict[int, set[Step]] = {}
        self.requests = 0
        self.injected: list[Injected] = []

    def plan(self, phase: Phase, faults: Mapping[int, Sequence[Fault]]) -> None:
        """From now on, by pull request; what was planned before is forgotten."""
        with self._lock:
            self._phase = phase
            self._planned = {pull: [one for one in of_it if one.step.phase == phase] for pull, of_it in faults.items()}

    def steps(self, pull_number: int) -> frozenset[Step]:
        """Every step that was seen of this pull request's work."""
        with self._lock:
            return frozenset(self._seen.get(pull_number, ()))

    def kind_of(self, upstream: str, request: Request, pid: int | None) -> Kind | None:
        """What goes wrong with this request; each is to be told here once."""
        invocation = self._callers.of(pid)
        if invocation is None or invocation.pull_number is None:
            return None
        operation = operation_of(upstream, request)
        with self._lock:
            self.requests += 1
            course = self._courses.setdefault(invocation.number, _Course())
            course.asked[upstream, operation] += 1
            step = Step(self._phase, invocation.function, upstream, operation, course.asked[upstream, operation])
            if course.fault is not None:
                return course.fault.kind if _lasts(course.fault, step) else None
            self._seen.setdefault(invocation.pull_number, set()).add(step)
            course.fault = self._taken(invocation, step)
            return course.fault.kind if course.fault else None

    def refuses(self, upstream: str, pid: int | None) -> bool:
        """Whether not even a connection is to be had."""
        invocation = self._callers.of(pid)
        with self._lock:
            course = self._courses.get(invocation.number) if invocation else None
            fault = course.fault if course else None
        return fault is not None and fault.kind == Kind.REFUSED and fault.step.upstream == upstream

    def _taken(self, invocation: Invocation, step: Step) -> Fault | None:
        planned = self._planned.get(invocation.pull_number or 0, [])
        fault = next((one for one in planned if one.step == step), None)
        if fault is not None:
            planned.remove(fault)
            self.injected.append(Injected(fault, invocation))
        return fault


def _lasts(fault: Fault, step: Step) -> bool:
    """What does not happen once goes on for the same operation, so that a client's own second try meets it too."""
    same = (fault.step.upstream, fault.step.operation) == (step.upstream, step.operation)
    return same and fault.kind not in ONCE
