"""Packaging a repository into S3, against ``aws s3 sync`` of the same folder into the same S3, in the same run.

    PYTHONPATH=layers/dagbranch:. python -m benchmarks.packaging [--files N] [--megabytes N] [--repeat N]

Three contenders take turns: the command, a new process per deploy as it always is; package_dags in a process that
has run before, as a warm Lambda; and package_dags as a new process per deploy, its imports in the measured time.
Where the machine has other work, the seconds tell of that too; a contender's own processor time (without the
emulator's) tells less of it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, Any, Final

from benchmarks.parts.account import DAGS_BUCKET, DAGS_PATH, Account, environment_name
from benchmarks.parts.repository import Repository, make_repository
from dagbranch.adapters.source_folders import read_source
from dagbranch.domain.source_archive import write_canonical_zip
from local.aws.ministack import Ministack
from local.certificates import make_certificates
from local.toolchain import ROOT, script_of

_STEPS: Final = ("first deploy", "one .sql changed", "one .py changed")
_COMMAND: Final = "aws s3 sync"
_WARM: Final = "package_dags, warm"
_FRESH: Final = "package_dags, new process"


@dataclass(frozen=True)
class Cost:
    """One deploy: from its start to its end, and the contender's own processor time."""

    seconds: float
    cpu_seconds: float


type Costs = dict[str, list[Cost]]


class Benchmark:
    """One emulator, one repository; every turn is a new environment in buckets that are empty."""

    def __init__(self, account: Account, repository: Repository, folder: Path) -> None:
        self._account = account
        self._repository = repository
        self._folder = folder
        self._pull_number = 0

    def measure(self, repeat: int) -> dict[str, Costs]:
        """The costs of each contender's steps, in the order of the rounds; who begins a round changes."""
        with self._process() as warm:
            self._turn(lambda event: _cost(_ask(warm, event)))  # not counted: connections, imports, caches
            contenders: dict[str, Callable[[], list[Cost]]] = {
                _COMMAND: self._sync,
                _WARM: lambda: self._turn(lambda event: _cost(_ask(warm, event))),
                _FRESH: lambda: self._turn(self._in_a_new_process),
            }
            found: dict[str, Costs] = {name: {step: [] for step in _STEPS} for name in contenders}
            for number in range(repeat):
                order = list(contenders)[number % 3 :] + list(contenders)[: number % 3]
                for name in order:
                    for step, cost in zip(_STEPS, contenders[name](), strict=True):
                        found[name][step].append(cost)
                print(f"round {number + 1} of {repeat}", file=sys.stderr)
        return found

    def where(self) -> list[Mapping[str, float]]:
        """By step, the seconds of each part of a warm process, and of the whole."""
        answers: list[Any] = []

        def ask(event: str) -> Cost:
            answers.append(_ask(warm, event))
            return _cost(answers[-1])

        with self._process("--where") as warm:
            self._turn(ask)
            answers.clear()
            self._turn(ask)
        return [{**answer["parts"], "in all": answer["seconds"]} for answer in answers]

    def _turn(self, deploy: Callable[[str], Cost]) -> list[Cost]:
        self._pull_number += 1
        costs = []
        for _ in self._steps():
            files = read_source(self._repository.folder)
            event = self._account.request(self._pull_number, write_canonical_zip(files))
            costs.append(deploy(event))
            copied = {path.removeprefix("dags/"): text for path, text in files.items() if path.startswith("dags/")}
            self._account.check_deployed(self._pull_number, copied)
        self._account.empty()
        return costs

    def _sync(self) -> list[Cost]:
        self._pull_number += 1
        target = f"s3://{DAGS_BUCKET}/{DAGS_PATH}/{environment_name(self._pull_number)}/"
        aws = str(script_of("awscli", "aws"))
        command = [aws, "s3", "sync", "--only-show-errors", str(self._repository.dags), target]
        environment = {"PATH": os.defpath, **self._account.command_environment()}
        costs = []
        for _ in self._steps():
            with _measured() as cost:
                subprocess.run(command, env=environment, check=True)
            costs.append(cost())
        self._account.empty()
        return costs

    def _steps(self) -> Iterator[str]:
        """The repository as it is, then with a line more in one file, then in another; afterwards as it was."""
        changed = {
            self._repository.sql_file: b"-- one more line\n",
            self._repository.dag_module: b"# one more line\n",
        }
        before = {file: file.read_bytes() for file in changed}
        yield _STEPS[0]
        for step, (file, line) in zip(_STEPS[1:], changed.items(), strict=True):
            file.write_bytes(before[file] + line)
            yield step
        for file, content in before.items():
            file.write_bytes(content)

    def _in_a_new_process(self, event: str) -> Cost:
        with _measured() as cost, self._process() as process:
            _ask(process, event)
        return cost()

    @contextmanager
    def _process(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": f"{ROOT / 'layers' / 'dagbranch'}:{ROOT}",
            **self._account.function_environment(),
        }
        command = [sys.executable, "-m", "benchmarks.parts.function_process", *options]
        with (self._folder / "package_dags.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        with process:
            try:
                yield process
            finally:
                _pipe(process.stdin).close()


@contextmanager
def _measured() -> Iterator[Callable[[], Cost]]:
    """What the processes cost that are started and waited for meanwhile; asked for afterwards."""
    costs: list[Cost] = []
    started, before = time.perf_counter(), _cpu_seconds_of_children()
    yield costs.pop
    costs.append(Cost(time.perf_counter() - started, _cpu_seconds_of_children() - before))


def _cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cost(answer: Mapping[str, Any]) -> Cost:
    return Cost(answer["seconds"], answer["cpu_seconds"])


def _ask(process: subprocess.Popen[str], event: str) -> Any:
    questions, answers = _pipe(process.stdin), _pipe(process.stdout)
    questions.write(event + "\n")
    questions.flush()
    return json.loads(answers.readline())


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _print_costs(title: str, found: Mapping[str, Costs], figure: Callable[[Cost], float]) -> None:
    print(f"{title}: median (least to most); in brackets, how many times as fast as the command\n")
    print(f"| | {' | '.join(_STEPS)} |\n| --- |{' --- |' * len(_STEPS)}")
    of_command = {step: median(map(figure, costs)) for step, costs in found[_COMMAND].items()}
    for name, steps in found.items():
        cells = []
        for step, costs in steps.items():
            figures = [figure(cost) for cost in costs]
            ratio = "" if name == _COMMAND else f" [{of_command[step] / median(figures):.2f}]"
            cells.append(f"{median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f}){ratio}")
        print(f"| {name} | {' | '.join(cells)} |")
    print()


def _print_parts(parts: list[Mapping[str, float]]) -> None:
    print("where a warm process spends it, ms, one turn that is not in the table above; parts may overlap\n")
    print(f"| | {' | '.join(_STEPS)} |\n| --- |{' ---: |' * len(_STEPS)}")
    for part in {title: None for answer in parts for title in answer}:
        print(f"| {part} | {' | '.join(f'{answer.get(part, 0) * 1000:.0f}' for answer in parts)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        folder = Path(temporary)
        repository = make_repository(folder / "repository", options.files, options.megabytes * 1_000_000)
        emulator = Ministack(folder / "aws", make_certificates(folder / "certificates"))
        try:
            emulator.start()
            benchmark = Benchmark(Account(emulator), repository, folder)
            costs, parts = benchmark.measure(options.repeat), benchmark.where()
        except Exception:
            print((folder / "package_dags.log").read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            emulator.stop()
    _print_costs("seconds", costs, lambda cost: cost.seconds)
    _print_costs("own processor seconds", costs, lambda cost: cost.cpu_seconds)
    _print_parts(parts)


if __name__ == "__main__":
    main()
