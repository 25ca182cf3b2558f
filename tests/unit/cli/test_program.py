from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagbranch import __version__
from dagbranch.cli import main
from tests.fakes.command import package, refusal, write

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["name"],
        ["archive", "missing", "--output", "x"],
        ["archive", ".", "--output", "/nowhere/at/all.zip"],
        ["plan", "missing", "--environment", "f"],
        ["detect", "missing"],
        ["plan", ".", "--environment", "f", "--base", "missing.json"],
        ["name", "b", "--unknown"],
    ],
)
def test_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str],
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(source)

    refusal(capsys, *arguments)


def test_a_broken_pipeline_file_is_told_in_one_line_with_every_fault(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(source, {"dagbranch.yaml": b"version: 2\ndag: x\n"})

    told = refusal(capsys, *package(source, dags))

    assert "dagbranch.yaml:1" in told
    assert "dagbranch.yaml:2" in told


@pytest.mark.parametrize("target", ["/etc/hostname", "../../outside.txt"])
def test_a_link_that_leads_out_is_refused(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, target: str
) -> None:
    write(source.parent, {"outside.txt": b"x"})
    (source / "dags/link.txt").symlink_to(target)

    assert "link dags/link.txt leads out" in refusal(capsys, *package(source, dags))


def test_a_name_that_is_no_utf8_is_refused(capsys: pytest.CaptureFixture[str], source: Path, dags: Path) -> None:
    (source / os.fsdecode(b"dags/latin-\xe9.txt")).write_bytes(b"x")

    assert "not portable" in refusal(capsys, *package(source, dags))


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def run_python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """With nothing of this process's environment but the package."""
    environment = {"PYTHONPATH": str(ROOT / "layers" / "dagbranch")}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
def test_the_command_runs_as_a_module_without_aws(source: Path, dags: Path) -> None:
    packaged = run_python("-m", "dagbranch.cli", *package(source, dags), "--json")

    assert (packaged.returncode, packaged.stderr) == (0, "")
    assert json.loads(packaged.stdout)["zip"] == str(dags / "feature1.zip")


@pytest.mark.slow
def test_the_command_fails_with_its_status_and_loads_nothing_of_aws_or_github() -> None:
    probe = (
        "import sys; from dagbranch.cli import main; status = main(['name', 'prod']); "
        "print([name for name in ('boto3', 'botocore', 'github', 'databricks') if name in sys.modules]); "
        "sys.exit(status)"
    )

    ended = run_python("-c", probe)

    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "[]\n", 1)
