"""The gates between two lanes, as pure decisions on what was gathered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

type Outcome = Literal["passed", "failed", "later", "skipped"]

READY, SOAK, CHECKS, RUNS, DATA, HOLD = "ready", "soak", "checks", "runs", "data", "hold"
# Without the archive's own readiness there is nothing to promote, and a hold is released, not skipped.
SKIPPABLE: Final = frozenset({SOAK, CHECKS, RUNS, DATA})


@dataclass(frozen=True)
class Gate:
    """``later`` has not passed yet and may by itself; ``failed`` does not. ``detail`` is one line for people."""

    name: str
    outcome: Outcome
    detail: str
