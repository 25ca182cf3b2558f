"""What the comparisons of an environment with its plain dags folder share: sizes, lines of Airflow, options."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.parts.airflow_line import LINES, AirflowLine
from benchmarks.parts.pipelines import Pipelines, make_pipelines


def compare_each[C](
    documentation: str | None, compare: Callable[[AirflowLine, Pipelines, int], list[C]]
) -> tuple[list[C], bool]:
    """What was compared for every size and line that the command asks for, and whether it asks for JSON."""
    parser = argparse.ArgumentParser(description=(documentation or "").partition("\n")[0])
    parser.add_argument("--modules", type=int, nargs="+", default=[5, 50, 500])
    parser.add_argument("--airflow", nargs="+", default=LINES)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: list[C] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        for modules in options.modules:
            pipelines = make_pipelines(Path(temporary, str(modules)), modules)
            for name in options.airflow:
                print(f"{name}, {modules} modules", file=sys.stderr)
                found += compare(AirflowLine(name, Path(temporary, name)), pipelines, options.repeat)
    return found, options.json
