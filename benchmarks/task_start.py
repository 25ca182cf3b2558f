"""The start of a task of an environment against that of the same task in a plain dags folder, in the same run.

    PYTHONPATH=layers/dagbranch:. python benchmarks/task_start.py [--modules N …] [--repeat N] [--json]

The two take turns, each start in a new process that is given the DAG's file and the ids as Airflow gives them. *Whole*:
from the start of Python to its end, with all that Airflow imports; *load*: the DAG's file alone, once Airflow and the
operators' modules are in memory, as in a process that was forked. Bytecode is there as after a parse.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.parts.airflow_line import LINES, AirflowLine, Start
from benchmarks.parts.pipelines import ENVIRONMENT, Pipelines, dag_id_of, make_pipelines


@dataclass(frozen=True)
class Comparison:
    """One line of the table; seconds and megabytes are medians."""

    airflow: str
    modules: int
    plain_seconds: float
    packaged_seconds: float
    plain_load_seconds: float
    packaged_load_seconds: float
    plain_megabytes: float
    packaged_megabytes: float

    @property
    def ratio(self) -> float:
        return self.packaged_seconds / self.plain_seconds

    @property
    def load_ratio(self) -> float:
        return self.packaged_load_seconds / self.plain_load_seconds


def compare(line: AirflowLine, pipelines: Pipelines, repeat: int) -> Comparison:
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
    return _comparison(line, pipelines, *starts)


def _comparison(line: AirflowLine, pipelines: Pipelines, plain: list[Start], packaged: list[Start]) -> Comparison:
    return Comparison(
        airflow=line.name,
        modules=len(pipelines.modules),
        plain_seconds=median(start.seconds for start in plain),
        packaged_seconds=median(start.seconds for start in packaged),
        plain_load_seconds=median(start.load.seconds for start in plain),
        packaged_load_seconds=median(start.load.seconds for start in packaged),
        plain_megabytes=median(start.load.megabytes for start in plain),
        packaged_megabytes=median(start.load.megabytes for start in packaged),
    )


def _print(found: list[Comparison]) -> None:
    print("| | | whole | | | load | | | memory | |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    print(
        "| Airflow | modules | plain, ms | environment, ms | ratio | plain, ms | environment, ms | ratio "
        "| plain, MB | environment, MB |"
    )
    for one in found:
        print(
            f"| {one.airflow} | {one.modules} "
            f"| {one.plain_seconds * 1000:.0f} | {one.packaged_seconds * 1000:.0f} | {one.ratio:.2f} "
            f"| {one.plain_load_seconds * 1000:.0f} | {one.packaged_load_seconds * 1000:.0f} | {one.load_ratio:.2f} "
            f"| {one.plain_megabytes:.1f} | {one.packaged_megabytes:.1f} |"
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
                found.append(compare(AirflowLine(name, Path(temporary, name)), pipelines, options.repeat))
    if options.json:
        print(json.dumps([{**asdict(one), "ratio": one.ratio, "load_ratio": one.load_ratio} for one in found]))
    else:
        _print(found)


if __name__ == "__main__":
    main()
