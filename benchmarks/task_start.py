"""The start of a task of an environment against that of the same task in a plain dags folder, in the same run.

    PYTHONPATH=layers/dagbranch:. python -m benchmarks.task_start [--modules N …] [--repeat N] [--json]

The two take turns, each start in a new process that is given the DAG's file and the ids as Airflow gives them. *Whole*:
from the start of Python to its end, with all that Airflow imports; *load*: the DAG's file alone, once Airflow and the
operators' modules are in memory, as in a process that was forked. Bytecode is there as after a parse.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks.parts.airflow_line import AirflowLine, Start, median_cost
from benchmarks.parts.pipelines import ENVIRONMENT, Pipelines, dag_id_of
from benchmarks.parts.sizes_and_lines import compare_each


@dataclass(frozen=True)
class Comparison:
    """One line of the table: medians."""

    airflow: str
    modules: int
    plain: Start
    environment: Start

    @property
    def ratio(self) -> float:
        return self.environment.seconds / self.plain.seconds

    @property
    def load_ratio(self) -> float:
        return self.environment.load.cpu_seconds / self.plain.load.cpu_seconds


def compare(line: AirflowLine, pipelines: Pipelines, repeat: int) -> list[Comparison]:
    """One task of a module in the middle, after every module was parsed once, as a dag processor will have done."""
    with line.parsing(pipelines.packaged) as packaged, line.parsing(pipelines.plain) as plain:
        plain.load(pipelines.plain, len(pipelines.modules))
        packaged.load(pipelines.zip_path, len(pipelines.modules))
    module = pipelines.modules[len(pipelines.modules) // 2]
    plain_file, packaged_file = pipelines.file_of(module)
    turns = (
        (pipelines.plain, plain_file, dag_id_of(module)),
        (pipelines.packaged, packaged_file, dag_id_of(module, ENVIRONMENT)),
    )
    starts: tuple[list[Start], list[Start]] = ([], [])
    for number in range(repeat):
        for index in (0, 1) if number % 2 == 0 else (1, 0):
            starts[index].append(line.start_task(*turns[index], task_id="start"))
    return [Comparison(line.name, len(pipelines.modules), *map(_median, starts))]


def _median(starts: list[Start]) -> Start:
    return Start(median(start.seconds for start in starts), median_cost([start.load for start in starts]))


def _print(found: list[Comparison]) -> None:
    print("| | | whole | | | load, processor time | | | memory | |")
    print(f"| --- |{' ---: |' * 9}")
    print(f"| Airflow | modules |{' plain | environment | ratio |' * 2} plain | environment |")
    for one in found:
        cells = [
            f"{one.plain.seconds * 1000:.0f} ms",
            f"{one.environment.seconds * 1000:.0f} ms",
            f"{one.ratio:.2f}",
            f"{one.plain.load.cpu_seconds * 1000:.0f} ms",
            f"{one.environment.load.cpu_seconds * 1000:.0f} ms",
            f"{one.load_ratio:.2f}",
            f"{one.plain.load.megabytes:.1f} MB",
            f"{one.environment.load.megabytes:.1f} MB",
        ]
        print(f"| {one.airflow} | {one.modules} | {' | '.join(cells)} |")


def main() -> None:
    found, as_json = compare_each(__doc__, compare)
    if as_json:
        print(json.dumps([{**asdict(one), "ratio": one.ratio, "load_ratio": one.load_ratio} for one in found]))
    else:
        _print(found)


if __name__ == "__main__":
    main()
