"""One Airflow line to be measured: its processes, on a dags folder, with a temporary folder that is theirs alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import IO, Any, Final

from local.airflow.loading import loader_environment
from local.toolchain import python_of

LINES: Final = ("airflow-2", "airflow-3")
_PROGRAM: Final = Path(__file__).with_name("airflow_process.py")


@dataclass(frozen=True)
class Cost:
    """What one load took on top of Airflow itself; ``cpu_seconds`` tells less of a machine's other work."""

    seconds: float
    cpu_seconds: float
    megabytes: float


def median_cost(costs: Collection[Cost]) -> Cost:
    return Cost(*(median(getattr(cost, field.name) for cost in costs) for field in fields(Cost)))


@dataclass(frozen=True)
class Start:
    """A task's process from its start to its end, and the load of the DAG's file within."""

    seconds: float
    load: Cost


@dataclass(frozen=True)
class AirflowLine:
    """``home`` is for what Airflow and the runtime write."""

    name: str
    home: Path

    def forget_bytecode(self) -> None:
        """A machine that has not seen the environment: the runtime keeps what it knows in the temporary folder."""
        temporary = self.home / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)

    @contextmanager
    def parsing(self, dags: Path) -> Iterator[Parser]:
        """A process of Airflow that loads what it is asked to, each time in a fork of its own."""
        process = subprocess.Popen(
            [python_of(self.name), "-W", "ignore", _PROGRAM, "parse"],
            env=loader_environment(self.home, dags),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield Parser(process)
            finally:
                _pipe(process.stdin).close()

    def start_task(self, dags: Path, file: str, dag_id: str, task_id: str) -> Start:
        """A process that finds one task and ends."""
        started = time.perf_counter()
        done = subprocess.run(
            [python_of(self.name), "-W", "ignore", _PROGRAM, "task", file, dag_id, task_id],
            env=loader_environment(self.home, dags),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return Start(time.perf_counter() - started, _cost(json.loads(done.stdout.splitlines()[-1])))


class Parser:
    """Asks a process of Airflow to load files."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def load_each(self, folder: Path, expected_dags: int) -> Cost:
        """Every file of the folder by itself, as the dag processor does; the costs' sum."""
        return self._ask(f"each {folder}", expected_dags)

    def load(self, path: Path, expected_dags: int) -> Cost:
        """A whole folder, or a zip."""
        return self._ask(str(path), expected_dags)

    def _ask(self, what: str, expected_dags: int) -> Cost:
        questions, answers = _pipe(self._process.stdin), _pipe(self._process.stdout)
        questions.write(f"{what}\n")
        questions.flush()
        if not (line := answers.readline().strip()):
            raise RuntimeError(f"{what}: the process that was to load it failed, see standard error")
        answer = json.loads(line)
        if answer["dags"] != expected_dags:
            raise RuntimeError(f"{what}: {answer['dags']} DAGs, expected {expected_dags}")
        return _cost(answer)


def _cost(answer: dict[str, Any]) -> Cost:
    return Cost(answer["seconds"], answer["cpu_seconds"], answer["megabytes"])


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
