"""A data environment's views by dagbranch, and beside it by a loop, by plain scripts and by SQLMesh, in the same run.

    PYTHONPATH=layers/dagbranch:. python -m benchmarks.data_environments [--views N …] [--latency MS …] [--repeat N]
                                                                         [--without-sqlmesh] [--json]

They take turns, each environment under a name of its own, on Sparks with the same settings. The first turn of each is
not counted. dagbranch: from the connection to the last statement's end and the goodbye. The loop and the scripts: its
statements, one by one and by the hundred, through the plain connector, connection included. SQLMesh: `plan` of an
environment without changes, by a context and a session of its own; *warm*, by those of the environment before.

What is added to each request is added by the warehouse. SQLMesh has its Spark in its own process, and so no requests:
it takes part where nothing is added. The loop has one turn where something is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks.parts import provisioning
from benchmarks.parts.provisioning import Phases
from benchmarks.parts.sqlmesh_peer import SqlMesh, sqlmesh_of
from local.certificates import make_certificates
from local.warehouse.process import LocalWarehouse

LOOP, SCRIPTS, DAGBRANCH, SQLMESH, WARM_SQLMESH = CONTENDERS = (
    "loop",
    "scripts",
    "dagbranch",
    "SQLMesh",
    "warm SQLMesh",
)

type Contender = Callable[[str], float]


@dataclass(frozen=True)
class Comparison:
    """``seconds``: every counted turn of each contender. ``phases``: medians of dagbranch's, the fence in ``run``."""

    views: int
    latency_ms: int
    seconds: Mapping[str, list[float]]
    phases: Phases
    fence_seconds: float

    def ratio(self, contender: str, other: str) -> float | None:
        """How many times the other's time a contender took."""
        if contender in self.seconds and other in self.seconds:
            return median(self.seconds[contender]) / median(self.seconds[other])
        return None

    @property
    def ratios(self) -> dict[str, float | None]:
        compared = ((DAGBRANCH, SCRIPTS), (LOOP, DAGBRANCH), (SQLMESH, DAGBRANCH), (WARM_SQLMESH, DAGBRANCH))
        return {f"{one} / {other}": self.ratio(one, other) for one, other in compared}


@dataclass(frozen=True)
class Turns:
    """The turns of one size and latency; a new name for each environment."""

    warehouse: LocalWarehouse
    views: int
    latency_ms: int
    sqlmesh: SqlMesh | None
    names: Iterator[str]

    def compare(self, repeat: int) -> Comparison:
        self.warehouse.set_latency(self.latency_ms)
        phases: list[Phases] = []
        contenders: dict[str, Contender] = {
            LOOP: self._loop,
            SCRIPTS: self._scripts,
            DAGBRANCH: lambda environment: self._provision(environment, phases),
        }
        if self.sqlmesh and not self.latency_ms:
            contenders |= {SQLMESH: self.sqlmesh.make_anew, WARM_SQLMESH: self.sqlmesh.make_again}
        seconds = rounds(contenders, repeat, {LOOP} if self.latency_ms else (), self.names)
        plan = provisioning.planned(self.warehouse, "fence")
        fence = median(provisioning.fence_seconds(plan) for _ in range(repeat))
        return Comparison(self.views, self.latency_ms, seconds, _median(phases[1:]), fence)

    def _loop(self, environment: str) -> float:
        plan = provisioning.planned(self.warehouse, environment)
        return self._checked(environment, provisioning.send(self.warehouse, provisioning.statements_of(plan)))

    def _scripts(self, environment: str) -> float:
        plan = provisioning.planned(self.warehouse, environment)
        texts = provisioning.scripts(provisioning.statements_of(plan))
        return self._checked(environment, provisioning.send(self.warehouse, texts))

    def _provision(self, environment: str, phases: list[Phases]) -> float:
        phases.append(provisioning.provision(self.warehouse, environment))
        return self._checked(environment, phases[-1].total)

    def _checked(self, environment: str, seconds: float) -> float:
        provisioning.drop_environment(self.warehouse, environment, self.views)
        return seconds


def rounds(
    contenders: Mapping[str, Contender], repeat: int, once: Collection[str], names: Iterator[str]
) -> dict[str, list[float]]:
    """The seconds of each in ``repeat`` rounds after one that is not counted, another of them first in each round.

    Those of ``once`` have one turn in all, and it counts.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    for number in range(repeat + 1):
        for contender in order:
            if number == 0 or contender not in once:
                seconds[contender].append(contenders[contender](next(names)))
        order.append(order.pop(0))
    return {name: turns if name in once else turns[1:] for name, turns in seconds.items()}


def compare_each(options: argparse.Namespace, folder: Path) -> Iterator[Comparison]:
    """Each size has a warehouse and a SQLMesh of its own, both new."""
    names = (f"feature{number}" for number in count())
    certificates = make_certificates(folder / "certificates")
    os.environ["SSL_CERT_FILE"] = str(certificates.authority)  # the adapter trusts it
    for views in options.views:
        with ExitStack() as stack:
            sqlmesh = None
            if not options.without_sqlmesh and 0 in options.latency:
                sqlmesh = stack.enter_context(sqlmesh_of(views, folder / f"sqlmesh-{views}"))
            warehouse = stack.enter_context(LocalWarehouse(folder / f"warehouse-{views}", certificates))
            provisioning.make_base(warehouse, views)
            for latency_ms in options.latency:
                print(f"{views} views, {latency_ms} ms", file=sys.stderr)
                yield Turns(warehouse, views, latency_ms, sqlmesh, names).compare(options.repeat)


def _median(phases: Sequence[Phases]) -> Phases:
    return Phases(*(median(getattr(each, field.name) for each in phases) for field in fields(Phases)))


def _print(found: Sequence[Comparison]) -> None:
    titles = [*CONTENDERS, *found[0].ratios]
    print(f"| views | added to each request | {' | '.join(titles)} |")
    print(f"| ---: | ---: |{' ---: |' * len(titles)}")
    for one in found:
        cells = [*(_spread(one.seconds.get(name)) for name in CONTENDERS), *map(_ratio, one.ratios.values())]
        print(f"| {one.views} | {one.latency_ms} ms | {' | '.join(cells)} |")
    print("\n| views | added to each request | list | plan | run | of it the fence | close |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for one in found:
        seconds = (one.phases.list, one.phases.plan, one.phases.run, one.fence_seconds, one.phases.close)
        print(f"| {one.views} | {one.latency_ms} ms | {' | '.join(f'{each:.2f} s' for each in seconds)} |")


def _spread(seconds: Sequence[float] | None) -> str:
    """Median, least and most."""
    if not seconds:
        return "-"
    middle = f"{median(seconds):.2f}"
    return f"{middle} s" if len(seconds) == 1 else f"{middle} s ({min(seconds):.2f} to {max(seconds):.2f})"


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--views", type=int, nargs="+", default=[50, 200, 1000])
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 300], help="milliseconds, one or several")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--without-sqlmesh", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        found = list(compare_each(options, Path(temporary)))
    if options.json:
        print(json.dumps([{**asdict(one), "ratios": one.ratios} for one in found]))
    else:
        _print(found)


if __name__ == "__main__":
    main()
