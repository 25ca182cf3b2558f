"""Ten, a hundred and a thousand open environments of 5 DAGs: what the sweep, removals and pushes ask of each upstream.

    PYTHONPATH=layers/dagbranch:. python -m benchmarks.scale [--environments N …] [--line N …] [--json]

The use cases run with the real adapters: DynamoDB, S3 and EventBridge are moto in the same process, GitHub is the local
double over HTTP, Airflow and the warehouse are in memory and count what they would be asked. Requests and units do not
depend on the machine. Processor time is the work's own, without moto's; seconds are all, and tell of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.parts.scale_github import Pulls
from benchmarks.parts.scale_meter import Tally
from benchmarks.parts.scale_prices import AS_OF, dollars, memory_gigabytes
from local.toolchain import ROOT

UPSTREAMS: Final = ("GitHub", "DynamoDB", "S3", "EventBridge", "Airflow", "Warehouse")
_FASTER_THAN_LINEAR: Final = 1.2  # so many times the growth of the size: seconds are never exact


@dataclass(frozen=True)
class Phase:
    """What one step took with so many environments."""

    name: str
    environments: int
    tally: Tally
    found: Any = None

    @property
    def figures(self) -> dict[str, float]:
        """What must not grow faster than the environments do."""
        asked = {upstream: float(self.tally.of(upstream)) for upstream in UPSTREAMS}
        return {
            **asked,
            "messages": float(self.tally.invocations.total()),
            "read units": self.tally.read_units,
            "write units": self.tally.write_units,
            "processor seconds": self.tally.cpu_seconds,
            "dollars": sum(dollars(self.tally).values()),
        }


@dataclass(frozen=True)
class Growth:
    """The figure of a phase that grew most between two sizes, as a multiple of the growth of the environments."""

    phase: str
    sizes: tuple[int, int]
    figure: str
    times: float

    @property
    def is_linear(self) -> bool:
        return self.times <= _FASTER_THAN_LINEAR


def growth(before: Phase, after: Phase) -> Growth:
    """Constant beginnings, such as the first page of a listing, only make it less."""
    factor = after.environments / before.environments
    grown = {name: after.figures[name] / factor / one for name, one in before.figures.items() if one}
    most = max(grown, key=lambda name: grown[name])
    return Growth(after.name, (before.environments, after.environments), most, grown[most])


class Run:
    """One size, in a process of its own, with pull requests on a GitHub of its own."""

    def __init__(self, environments: int, pulls: Pulls, process: subprocess.Popen[str]) -> None:
        self._environments = environments
        self._pulls = pulls
        self._process = process

    def phases(self, *, with_line: bool) -> Iterator[Phase]:
        """A tenth is closed, another tenth pushed to; with ``with_line`` as many more come when the server is full."""
        tenth = max(1, self._environments // 10)
        everyone = range(1, self._environments + 1)
        closed, pushed = everyone[:tenth], everyone[tenth : 2 * tenth]
        self._pulls.open(everyone)
        self._ask("fill", numbers=list(everyone), head_sha=self._pulls.head_sha)
        self._ask("sweep")  # the first one notes when it was
        yield self._phase("an idle sweep", "sweep")
        yield self._phase("its memory", "memory")
        self._pulls.close(closed)
        yield self._phase("a sweep that finds a tenth closed", "sweep")
        yield self._phase("their removals", "remove")
        self._pulls.push(pushed)
        yield self._phase("a sweep that finds a tenth pushed to", "sweep")
        yield self._phase("their deploys", "take_in")
        if with_line:
            yield from self._line(range(self._environments + 1, self._environments + 1 + tenth), everyone[-1])

    def _line(self, newcomers: Sequence[int], leaver: int) -> Iterator[Phase]:
        self._ask("limit")
        self._pulls.open(newcomers)
        self._ask("sweep")
        yield self._phase("a tenth more come to a full server", "take_in")
        self._pulls.close([leaver])
        self._ask("sweep")
        self._ask("remove")
        self._ask("sweep")
        yield self._phase("one place comes free", "take_in")

    def _phase(self, name: str, step: str) -> Phase:
        answer = self._ask(step)
        tally = answer["tally"]
        taken = Tally(**{**tally, **{key: Counter(tally[key]) for key in ("requests", "invocations")}})
        if answer["github"]:
            taken.requests["GitHub GET"] = answer["github"]
        phase = Phase(name, self._environments, taken, answer["found"])
        print(f"{self._environments}: {name}: {json.dumps(phase.figures)}", file=sys.stderr)
        return phase

    def _ask(self, step: str, **what: object) -> dict[str, Any]:
        self._pulls.requests()
        questions, answers = _pipe(self._process.stdin), _pipe(self._process.stdout)
        questions.write(json.dumps({"do": step, **what}) + "\n")
        questions.flush()
        answer = answers.readline()
        if not answer:
            sys.exit(f"the process ended at {step}: its words above say why")
        return {**json.loads(answer), "github": self._pulls.requests()}


@contextmanager
def run_of(environments: int) -> Iterator[Run]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        pulls = Pulls(Path(folder, "github"))
        command = [sys.executable, "-m", "benchmarks.parts.scale_process", pulls.github.url, str(pulls.repository.id)]
        path = os.pathsep.join([str(ROOT / "layers" / "dagbranch"), str(ROOT)])
        environment = {"PATH": os.defpath, "PYTHONPATH": path, "TMPDIR": folder}
        with (
            pulls.github,
            subprocess.Popen(
                command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process,
        ):
            try:
                yield Run(environments, pulls, process)
            finally:
                _pipe(process.stdin).close()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _print_phases(found: Mapping[int, Sequence[Phase]]) -> None:
    titles = ("phase", "environments", *UPSTREAMS, "messages", "read units", "write units", "processor", "seconds")
    print(f"| {' | '.join(titles)} | cost |\n| --- |{' ---: |' * len(titles)}")
    for phases in zip(*found.values(), strict=False):
        for phase in phases:
            if phase.tally.invocations and phase.name != "its memory":
                figures = phase.figures
                counts = [f"{figures[name]:g}" for name in (*UPSTREAMS, "messages", "read units", "write units")]
                times = f"{phase.tally.cpu_seconds:.2f} s | {phase.tally.all_seconds:.1f} s"
                cells = (phase.name, str(phase.environments), *counts, times, f"${figures['dollars']:.6f}")
                print(f"| {' | '.join(cells)} |")
    print(f"\nCost at AWS's list prices ({AS_OF}), Lambda by the seconds that it took here.")


def _print_memory(found: Mapping[int, Sequence[Phase]]) -> None:
    limit = memory_gigabytes("sweep_environments") * 1024
    print("\n| environments | a sweep allocates at most | the function has |")
    print("| ---: | ---: | ---: |")
    for environments, phases in found.items():
        memory = next(phase.found for phase in phases if phase.name == "its memory")
        print(f"| {environments} | {memory['sweep_megabytes']:.1f} MB | {limit:.0f} MB |")


def _print_growth(grown: Sequence[Growth]) -> None:
    print("\n| phase | from | to | what grew most | as a multiple of the environments' growth | |")
    print("| --- | ---: | ---: | --- | ---: | --- |")
    for one in grown:
        verdict = "linear or less" if one.is_linear else "faster than linear"
        print(f"| {one.phase} | {one.sizes[0]} | {one.sizes[1]} | {one.figure} | {one.times:.2f} | {verdict} |")


def _told(phase: Phase) -> dict[str, Any]:
    return {**vars(phase), "tally": vars(phase.tally), "dollars": dollars(phase.tally)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--environments", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--line", type=int, nargs="*", default=[10, 100], help="sizes at which others wait in a line")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[int, list[Phase]] = {}
    for environments in options.environments:
        with run_of(environments) as run:
            found[environments] = list(run.phases(with_line=environments in options.line))
    pairs = [pair for one, other in pairwise(found.values()) for pair in zip(one, other, strict=False)]
    grown = [growth(*pair) for pair in pairs if pair[0].name != "its memory"]
    if options.json:
        told = [_told(phase) for phases in found.values() for phase in phases]
        print(json.dumps({"phases": told, "growth": [asdict(one) for one in grown]}))
        return
    _print_phases(found)
    _print_memory(found)
    _print_growth(grown)


if __name__ == "__main__":
    main()
