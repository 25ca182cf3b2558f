"""``python -m local.faults``: every fault at every step of deploy and removal, with a table of what was seen.

Goes on after what is not as it should be, and ends with status 1 where there was any; the logs' folder stays.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import time
from collections.abc import Iterable, Sequence

from local.faults.kinds import Fault, Kind, Step, every_kind_per_step, one_per_operation
from local.faults.rounds import Row, record, run_faults
from local.faults.stand import Stand, fault_stand
from local.faults.table import header, line, summary
from local.toolchain import CACHE

_HELD_SECONDS = 75.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.getLogger("databricks").setLevel(logging.ERROR)  # it warns that pyarrow is not there, at each start
    folder = CACHE / "faults"
    shutil.rmtree(folder, ignore_errors=True)
    started = time.monotonic()
    with fault_stand(
        folder, held_seconds=options.held, line=options.airflow, door=options.door, progress=_say
    ) as stand:
        rows = list(_told(stand, options))
    print(f"\n{summary(rows)}; {(time.monotonic() - started) / 60:.0f} min. The logs are in .cache/faults/.")
    return 1 if any(row.wrong for row in rows) else 0


def _told(stand: Stand, options: argparse.Namespace) -> Iterable[Row]:
    steps = sorted(record(stand))
    faults = _chosen(steps, options)
    _say(f"{len(steps)} steps were seen in a deploy and a removal, {len(faults)} faults are planned")
    print(header(held_seconds=options.held), flush=True)
    for row in run_faults(stand, faults, pulls=options.pulls, per_function=options.share):
        print(line(row), flush=True)
        yield row


def _chosen(steps: Sequence[Step], options: argparse.Namespace) -> list[Fault]:
    planned = one_per_operation(steps) if options.short else every_kind_per_step(steps)
    return [
        fault
        for fault in planned
        if (not options.function or fault.step.function in options.function)
        and (not options.upstream or fault.step.upstream in options.upstream)
        and (not options.kind or fault.kind in options.kind)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--airflow", choices=["2", "3"], default="3")
    parser.add_argument("--door", choices=["auto", "cli", "rest"], default="auto", help="the stack's AirflowDoor")
    parser.add_argument("--short", action="store_true", help="one fault per operation")
    parser.add_argument("--function", action="append", help="only these, by logical id")
    parser.add_argument("--upstream", action="append", help="only these, as the table calls them")
    parser.add_argument("--kind", action="append", choices=list(Kind), help="only these, as the table calls them")
    parser.add_argument("--held", type=float, default=_HELD_SECONDS, help="seconds that a time-out is held at most")
    parser.add_argument("--pulls", type=int, default=6, help="pull requests at once")
    parser.add_argument("--share", type=int, default=3, help="faults that one pull request meets in one function")
    return parser


def _say(text: str) -> None:
    print(f"… {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
