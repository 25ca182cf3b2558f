"""Parsing an environment against parsing the same DAGs as a plain dags folder, by Airflow itself, in the same run.

    PYTHONPATH=layers/dagbranch:. python -m benchmarks.parse_time [--modules N …] [--repeat N] [--json]

The two take turns, each load in a fork of one process that has imported Airflow and the DAGs' operators, as the dag
processor forks. *First*: no bytecode of the folder or of the environment is there yet; *again*: what every further
look at the folder costs, every 30 seconds; *by file*: the same with a fork for each file of the plain folder, which is
what the dag processor does, while the environment is one file to it. Memory is the most that a load had above what
Airflow itself has.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from benchmarks.parts.airflow_line import AirflowLine, Cost, Parser, median_cost
from benchmarks.parts.pipelines import Pipelines
from benchmarks.parts.sizes_and_lines import compare_each

_MOST_COLD_ROUNDS: Final = 3


@dataclass(frozen=True)
class Comparison:
    """One line of the table: medians."""

    airflow: str
    modules: int
    parse: str
    plain: Cost
    environment: Cost

    @property
    def ratios(self) -> Cost:
        """The environment's cost, where the plain folder's is 1."""
        return Cost(
            self.environment.seconds / self.plain.seconds,
            self.environment.cpu_seconds / self.plain.cpu_seconds,
            self.environment.megabytes / self.plain.megabytes,
        )


def compare(line: AirflowLine, pipelines: Pipelines, repeat: int) -> list[Comparison]:
    """The first parse and the later ones of one size of folder."""

    def forget() -> None:
        line.forget_bytecode()
        pipelines.forget_bytecode()

    with line.parsing(pipelines.packaged) as packaged, line.parsing(pipelines.plain) as plain:
        first = _rounds(pipelines, plain, packaged, min(repeat, _MOST_COLD_ROUNDS), forget)
        again = _rounds(pipelines, plain, packaged, repeat, lambda: None)
        by_file = _rounds(pipelines, plain, packaged, min(repeat, _MOST_COLD_ROUNDS), lambda: None, each=True)
    return [
        Comparison(line.name, len(pipelines.modules), parse, *map(median_cost, costs))
        for parse, costs in (("first", first), ("again", again), ("by file", by_file))
    ]


def _rounds(
    pipelines: Pipelines,
    plain: Parser,
    packaged: Parser,
    repeat: int,
    prepare: Callable[[], None],
    *,
    each: bool = False,
) -> tuple[list[Cost], list[Cost]]:
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    turns = (
        (0, plain.load_each if each else plain.load, pipelines.plain),
        (1, packaged.load, pipelines.zip_path),
    )
    for number in range(repeat):
        prepare()
        for index, load, path in turns if number % 2 == 0 else reversed(turns):
            costs[index].append(load(path, len(pipelines.modules)))
    return costs


def _print(found: list[Comparison]) -> None:
    print("| | | | time | | | processor time | | | memory | | |")
    print(f"| --- | ---: | --- |{' ---: |' * 9}")
    print(f"| Airflow | modules | parse |{' plain | environment | ratio |' * 3}")
    for one in found:
        cells = [
            *_cells(one.plain.seconds, one.environment.seconds, one.ratios.seconds),
            *_cells(one.plain.cpu_seconds, one.environment.cpu_seconds, one.ratios.cpu_seconds),
            f"{one.plain.megabytes:.1f} MB",
            f"{one.environment.megabytes:.1f} MB",
            f"{one.ratios.megabytes:.2f}",
        ]
        print(f"| {one.airflow} | {one.modules} | {one.parse} | {' | '.join(cells)} |")


def _cells(plain: float, environment: float, ratio: float) -> list[str]:
    return [f"{plain * 1000:.0f} ms", f"{environment * 1000:.0f} ms", f"{ratio:.2f}"]


def main() -> None:
    found, as_json = compare_each(__doc__, compare)
    if as_json:
        print(json.dumps([{**asdict(one), "ratios": asdict(one.ratios)} for one in found]))
    else:
        _print(found)


if __name__ == "__main__":
    main()
