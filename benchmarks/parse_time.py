"""Parsing an environment against parsing the same DAGs as a plain dags folder, by Airflow itself, in the same run.

    PYTHONPATH=layers/dagbranch:. python benchmarks/parse_time.py [--modules N …] [--repeat N] [--json]

The two take turns, each load in a fork of one process that has imported Airflow and the DAGs' operators, as the dag
processor forks. *First*: no bytecode of the folder or of the environment is there yet; *again*: what every further
look at the folder costs, every 30 seconds. Memory is the most that a load had above what Airflow itself has.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.parts.airflow_line import LINES, AirflowLine, Cost, Parser
from benchmarks.parts.pipelines import Pipelines, make_pipelines

_MOST_COLD_ROUNDS: Final = 3


@dataclass(frozen=True)
class Comparison:
    """One line of the table; seconds and megabytes are medians."""

    airflow: str
    modules: int
    parse: str
    plain_seconds: float
    packaged_seconds: float
    plain_megabytes: float
    packaged_megabytes: float

    @property
    def ratio(self) -> float:
        return self.packaged_seconds / self.plain_seconds

    @property
    def memory_ratio(self) -> float:
        return self.packaged_megabytes / self.plain_megabytes


def compare(line: AirflowLine, pipelines: Pipelines, repeat: int) -> list[Comparison]:
    """The first parse and the later ones of one size of folder."""

    def forget() -> None:
        line.forget_bytecode()
        pipelines.forget_bytecode()

    with line.parsing(pipelines.packaged) as packaged, line.parsing(pipelines.plain) as plain:
        first = _rounds(pipelines, plain, packaged, min(repeat, _MOST_COLD_ROUNDS), forget)
        again = _rounds(pipelines, plain, packaged, repeat, lambda: None)
    return [_comparison(line, pipelines, "first", *first), _comparison(line, pipelines, "again", *again)]


def _rounds(
    pipelines: Pipelines, plain: Parser, packaged: Parser, repeat: int, prepare: Callable[[], None]
) -> tuple[list[Cost], list[Cost]]:
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    turns = ((0, plain, pipelines.plain), (1, packaged, pipelines.zip_path))
    for number in range(repeat):
        prepare()
        for index, parser, path in turns if number % 2 == 0 else reversed(turns):
            costs[index].append(parser.load(path, len(pipelines.modules)))
    return costs


def _comparison(
    line: AirflowLine, pipelines: Pipelines, parse: str, plain: list[Cost], packaged: list[Cost]
) -> Comparison:
    return Comparison(
        airflow=line.name,
        modules=len(pipelines.modules),
        parse=parse,
        plain_seconds=median(cost.seconds for cost in plain),
        packaged_seconds=median(cost.seconds for cost in packaged),
        plain_megabytes=median(cost.megabytes for cost in plain),
        packaged_megabytes=median(cost.megabytes for cost in packaged),
    )


def _print(found: list[Comparison]) -> None:
    print(
        "| Airflow | DAG modules | parse | plain, ms | environment, ms | ratio | plain, MB | environment, MB | ratio |"
    )
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for one in found:
        print(
            f"| {one.airflow} | {one.modules} | {one.parse} "
            f"| {one.plain_seconds * 1000:.0f} | {one.packaged_seconds * 1000:.0f} | {one.ratio:.2f} "
            f"| {one.plain_megabytes:.1f} | {one.packaged_megabytes:.1f} | {one.memory_ratio:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--modules", type=int, nargs="+", default=[5, 50, 500])
    parser.add_argument("--airflow", nargs="+", default=LINES)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: list[Comparison] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        for modules in options.modules:
            pipelines = make_pipelines(Path(temporary, str(modules)), modules)
            for name in options.airflow:
                print(f"{name}, {modules} modules", file=sys.stderr)
                found += compare(AirflowLine(name, Path(temporary, name)), pipelines, options.repeat)
    if options.json:
        print(json.dumps([{**asdict(one), "ratio": one.ratio, "memory_ratio": one.memory_ratio} for one in found]))
    else:
        _print(found)


if __name__ == "__main__":
    main()
