"""The gates between two lanes, as pure decisions on what was gathered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

type Outcome = Literal["passed", "failed", "later", "skipped"]

READY, SOAK, CHECKS, RUNS, DATA, HOLD = "ready", "soak", "checks", "runs", "data", "hold"
SKIPPABLE: Final = frozenset({SOAK, CHECKS, RUNS, DATA})
UNSKIPPABLE: Final = {
    READY: "without it there is nothing to promote",
    HOLD: "release it with hold: false and a reason",
}


@dataclass(frozen=True)
class Gate:
    """``later`` has not passed yet and may by itself; ``failed`` does not. ``detail`` is one line for people."""

    name: str
    outcome: Outcome
    detail: str
