"""Twenty environments of 3,000 files each: deployed, one file changed, removed.

    PYTHONPATH=layers/dagbranch:. python -m benchmarks.scale_files [--environments N] [--files N] [--megabytes N]
                                                                   [--unpacked-copy auto|always]

``package_dags`` and ``remove_environment`` with the real adapters on moto in the same process: the processor time is
the work's own, seconds and memory have moto's in them and are the most that it can be.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from moto import mock_aws

from benchmarks.parts.repository import make_repository
from benchmarks.parts.scale_github import REPOSITORY, Pulls
from benchmarks.parts.scale_meter import Tally
from benchmarks.parts.scale_prices import AS_OF, dollars, memory_gigabytes, timeout_seconds
from benchmarks.parts.scale_stack import Event, ScaleStack
from dagbranch.adapters.source_folders import read_source
from dagbranch.domain.requests import EventKind, PullRequestEvent
from dagbranch.domain.source_archive import PIPELINE_FILE, write_canonical_zip


@dataclass(frozen=True)
class Step:
    """``tally`` of all environments; the most memory that one of them allocated, in a turn of its own."""

    name: str
    function: str
    environments: int
    tally: Tally
    megabytes: float


class Files:
    """The same repository in every environment, as it is and with a line more in one ``.sql`` file."""

    def __init__(self, folder: Path, files: int, megabytes: int, unpacked_copy: str) -> None:
        repository = make_repository(folder, files, megabytes * 1_000_000)
        description = repository.folder / PIPELINE_FILE
        description.write_text(f"{description.read_text()}copy: {unpacked_copy}\n")
        self.first = read_source(repository.folder)
        repository.sql_file.write_bytes(repository.sql_file.read_bytes() + b"-- one more line\n")
        self.second = read_source(repository.folder)


def measure(stack: ScaleStack, repository_id: int, files: Files, environments: int) -> Iterator[Step]:
    """One environment more than is counted: its turn is under ``tracemalloc``, which makes it slow."""
    numbers = range(1, environments + 1)

    def deploy(number: int, content: Mapping[str, bytes]) -> None:
        archive = write_canonical_zip(dict(content))
        head_sha = hashlib.sha1(archive, usedforsecurity=False).hexdigest()
        key = stack.ask_for(number, head_sha, archive, content)
        stack.taken()
        stack.deploy(key, number)

    def remove(number: int) -> None:
        stack.remove([_closed(number, repository_id)])

    steps: tuple[tuple[str, str, Callable[[int], None]], ...] = (
        ("deploy", "package_dags", lambda number: deploy(number, files.first)),
        ("one file changed", "package_dags", lambda number: deploy(number, files.second)),
        ("removal", "remove_environment", remove),
    )
    for name, function, step in steps:
        tally = Tally()
        for number in numbers:
            stack.taken()
            step(number)
            _add(tally, stack.taken())
            print(f"{name} {number}", file=sys.stderr)
        yield Step(name, function, environments, tally, _megabytes(lambda: step(environments + 1)))  # noqa: B023 # called at once
        stack.taken()


def _add(tally: Tally, other: Tally) -> None:
    tally.requests += other.requests
    tally.invocations += other.invocations
    tally.read_units += other.read_units
    tally.write_units += other.write_units
    tally.events += other.events
    tally.cpu_seconds += other.cpu_seconds
    for function, seconds in other.seconds.items():
        tally.seconds[function] = tally.seconds.get(function, 0) + seconds


def _closed(number: int, repository_id: int) -> Event:
    event = PullRequestEvent(repository_id, REPOSITORY, number, "", "delivery", None)
    return EventKind.REMOVAL_REQUESTED, event


def _megabytes(work: Callable[[], None]) -> float:
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1024**2


def _print(steps: list[Step]) -> None:
    asked = sorted({name for step in steps for name in step.tally.requests if name.startswith("S3 ")})
    rest = ("DynamoDB", "processor", "seconds", "may take", "allocates at most", "may have", "cost")
    titles = ("each environment", *asked, *rest)
    print(f"| {' | '.join(titles)} |\n| --- |{' ---: |' * (len(titles) - 1)}")
    for step in steps:
        tally, many = step.tally, step.environments
        counts = [f"{tally.requests[name] / many:g}" for name in asked]
        cells = (
            *counts,
            f"{tally.of('DynamoDB') / many:g}",
            f"{tally.cpu_seconds / many:.2f} s",
            f"{tally.seconds[step.function] / many:.1f} s",
            f"{timeout_seconds(step.function)} s",
            f"{step.megabytes:.0f} MB",
            f"{memory_gigabytes(step.function) * 1024:.0f} MB",
            f"${sum(dollars(tally).values()) / many:.4f}",
        )
        print(f"| {step.name} | {' | '.join(cells)} |")
    print(f"\nCost at AWS's list prices ({AS_OF}), Lambda by the seconds that it took here.")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--environments", type=int, default=20)
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--megabytes", type=int, default=10)
    parser.add_argument("--unpacked-copy", choices=["auto", "always"], default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        pulls = Pulls(Path(folder, "github"))
        files = Files(Path(folder, "repository"), options.files, options.megabytes, options.unpacked_copy)
        with pulls.github, mock_aws():
            stack = ScaleStack(pulls.github.url, pulls.repository.id)
            _print(list(measure(stack, pulls.repository.id, files, options.environments)))


if __name__ == "__main__":
    main()
