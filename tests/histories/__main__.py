"""The histories of the life cycle in their long form (``make histories``): other ones each time, and what was done."""

from __future__ import annotations

import argparse
import secrets
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.test_life_cycle import LifeCycle

_IN_ONE_GO = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000, help="how many steps there are at least")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(2**32), help="the first one; the next ones follow"
    )
    arguments = parser.parse_args()
    began, number = time.monotonic(), arguments.seed
    LifeCycle.done = Counter()
    while LifeCycle.done["steps"] < arguments.steps:
        _go_through(number)
        told = ", ".join(f"{count:,} {what}" for what, count in LifeCycle.done.items())
        print(f"{time.monotonic() - began:7.0f} s, seed {number}: {told}", flush=True)
        number += 1


def _go_through(number: int) -> None:
    phases = (Phase.generate, Phase.shrink)
    unhurried = settings(
        deadline=None,
        max_examples=_IN_ONE_GO,
        stateful_step_count=40,
        phases=phases,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(LifeCycle), settings=unhurried)


if __name__ == "__main__":
    main()
