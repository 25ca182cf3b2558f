"""The command as its tests run it: in this process, with what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dagbranch.cli import main
from tests.fakes.examples import DATA_FILE, FIRST
from tests.fakes.wheels import a_wheel, pin, wheel_name


def write(folder: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:
    """What a command prints with --json; it succeeds and says nothing else."""
    assert main([*map(str, arguments), "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return json.loads(printed.out)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one line with which a command refuses bad input."""
    try:
        status: int | str | None = main([*map(str, arguments)])
    except SystemExit as ended:  # argparse's own way out
        status = ended.code
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.startswith("dagbranch")
    assert printed.err.count("\n") == 1
    return printed.err


def package(source: Path, dags: Path, environment: str = "feature1") -> list[str | Path]:
    return ["package", source, "--environment", environment, "--commit", FIRST, "--output", dags]


def requiring(source: Path, folder: Path) -> Path:
    """Makes the repository require a package; returns the folder where its wheel lies."""
    wheel = a_wheel("holidays")
    pipeline_file = DATA_FILE + b"requirements: requirements.txt\n"
    write(source, {"dagbranch.yaml": pipeline_file, "requirements.txt": pin("holidays", "1.0", wheel).encode()})
    write(folder, {f"wheels/{wheel_name('holidays')}": wheel})
    return folder / "wheels"
