"""What is compared: Airflow's own examples, and the corpus of repositories with one awkward habit each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.toolchain import ROOT
from tests.equality.compare import Entry, Outcome, compare

CORPUS = ROOT / "tests" / "data" / "corpus"
EXAMPLES = "example_dags"


@dataclass(frozen=True)
class Habit:
    """``entry.toml`` in a folder of the corpus. ``dags`` and ``errors``: what plain Airflow makes of it: ids, files.

    ``lines``: the lines of Airflow that it is for; ``settings``: the server's, as environment variables; ``expect``:
    what is different by design, by its name; ``warnings``: of each that packaging tells, a part; ``files_of``: the
    entry whose files it has, if not its own; ``wanted``: the DAG that a task's process asks for.
    """

    about: str
    dags: list[str]
    errors: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=lambda: [2, 3])
    settings: Mapping[str, str] = field(default_factory=dict)
    expect: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files_of: str = ""
    wanted: str = ""


def habits(line: int) -> dict[str, Habit]:
    """By the folder's name, those for a line of Airflow."""
    found = {file.parent.name: Habit(**tomllib.loads(file.read_text())) for file in CORPUS.glob("*/entry.toml")}
    return {name: habit for name, habit in sorted(found.items()) if line in habit.lines}


def compare_all(line: int, python: Path, home: Path, *, providers: bool = False) -> dict[str, Outcome]:
    """The whole corpus and the examples on one Airflow, in one process of it; ``providers``: their examples too."""
    entries = {
        name: Entry(CORPUS / (habit.files_of or name), habit.settings, habit.wanted)
        for name, habit in habits(line).items()
    }
    examples = dict(_example_folders(python, providers=providers))
    return compare({**entries, **{name: Entry(folder) for name, folder in examples.items()}}, python, home)


def faults(outcome: Outcome, habit: Habit | None) -> list[str]:
    """What is not as it should be, one line each; ``habit`` is None for examples."""
    if habit is None:
        return [f"{lane}: {one}" for lane, found in outcome.found.items() for one in found]
    return [*_unlike(habit, outcome), *_unexpected(habit, outcome)]


def _unlike(habit: Habit, outcome: Outcome) -> Iterator[str]:
    """An entry that does not do what it says tests nothing."""
    if sorted(outcome.dags) != sorted(habit.dags):
        yield f"the plain folder has the DAGs {list(outcome.dags)}, entry.toml says {habit.dags}"
    if sorted(outcome.errors) != sorted(habit.errors):
        yield f"the plain folder has import errors {dict(outcome.errors)}, entry.toml says {habit.errors}"
    yield from (f"warning: {one}" for one in outcome.warnings if not any(part in one for part in habit.warnings))
    for part in habit.warnings:
        if not any(part in one for one in outcome.warnings):
            yield f"packaging does not warn of {part!r}"


def _unexpected(habit: Habit, outcome: Outcome) -> Iterator[str]:
    for lane, found in outcome.found.items():
        yield from (f"{lane}: {one}" for one in found if one.kind not in habit.expect)
        for kind in set(habit.expect) - {one.kind for one in found}:
            yield f"{lane}: {kind!r} is expected and not found"


def _example_folders(python: Path, *, providers: bool) -> Iterator[tuple[str, Path]]:
    (airflow,) = python.parent.parent.glob("lib/python3*/site-packages/airflow")
    yield EXAMPLES, airflow / EXAMPLES
    for folder in sorted(airflow.glob(f"providers/**/{EXAMPLES}")) if providers else ():
        yield folder.relative_to(airflow).as_posix().replace("/", "_"), folder
