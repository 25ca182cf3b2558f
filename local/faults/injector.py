"""Watches every request of the functions, and says which of them goes wrong, and how."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
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
        self._planned: list[Fault] = []
        self._room: Counter[tuple[int, str]] = Counter()  # faults that a pull request may yet meet in a function
        self._courses: dict[int, _Course] = {}
        self._seen: dict[int, set[Step]] = {}
        self.requests = 0
        self.injected: list[Injected] = []

    def plan(self, phase: Phase, faults: Iterable[Fault], *, pulls: Iterable[int], per_function: int) -> None:
        """From now on, each for the first of these pull requests that comes to its step; what was planned is forgotten.

        No pull request meets more than ``per_function`` in one function.
        """
        with self._lock:
            self._phase = phase
            self._planned = [one for one in faults if one.step.phase == phase]
            functions = {one.step.function for one in self._planned}
            self._room = Counter({(pull, function): per_function for pull in pulls for function in functions})

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
        whose = invocation.pull_number or 0, invocation.function
        fault = next((one for one in self._planned if one.step == step), None) if self._room[whose] else None
        if fault is not None:
            self._room[whose] -= 1
            self._planned.remove(fault)
            self.injected.append(Injected(fault, invocation))
        return fault


def _lasts(fault: Fault, step: Step) -> bool:
    """What does not happen once goes on for the same operation, so that a client's own second try meets it too."""
    same = (fault.step.upstream, fault.step.operation) == (step.upstream, step.operation)
    return same and fault.kind not in ONCE
