from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dagbranch.cli import main
from dagbranch.domain.packaging import read_manifest
from dagbranch.domain.source_archive import source_digest
from tests.fakes.command import package, refusal, requiring, run, write
from tests.fakes.examples import FILES, FIRST

# Prints the configurations beside the zip at the moment when the zip is replaced.
_AT_THE_ZIP = """
import os, pathlib, sys
from dagbranch.cli import main

def hear(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("feature1.zip"):
        folder = pathlib.Path(arguments[1]).with_suffix("") / ".dagbranch"
        print(*sorted(os.listdir(folder)), flush=True)

sys.addaudithook(hear)
sys.exit(main([*sys.argv[1:], "--json"]))
"""


def times(folder: Path) -> dict[Path, tuple[int, int]]:
    return {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in folder.rglob("*") if file.is_file()}


def test_package_of_a_folder_and_of_its_archive_are_the_same_with_requirements(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, tmp_path: Path
) -> None:
    wheels = requiring(source, tmp_path)
    run(capsys, "archive", source, "--wheels", wheels, "--output", tmp_path / "source.zip")

    of_folder = run(capsys, *package(source, dags), "--wheels", wheels)
    of_archive = run(capsys, *package(tmp_path / "source.zip", dags))

    assert (dags / "feature1/.requirements/holidays.py").read_text() == "VERSION = '1.0'\n"
    assert of_folder == of_archive


def test_package_makes_the_zip_the_copy_and_the_configuration(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    printed = run(capsys, *package(source, dags))

    archive = (dags / "feature1.zip").read_bytes()
    digest = printed["source_digest"]
    assert printed == {
        "environment": "feature1",
        "zip": str(dags / "feature1.zip"),
        "sha256": source_digest(archive),
        "source_digest": digest,
        "copy": str(dags / "feature1"),
        "artifacts": {},
        "modules": ["qu/main/test_dag.py"],
        "selected": ["qu/main/test_dag.py"],
        "warnings": [],
    }
    assert read_manifest(archive).source_digest == digest
    copied = {file.relative_to(dags / "feature1").as_posix() for file in (dags / "feature1").rglob("*.*")}
    assert copied == {
        ".airflowignore",
        ".dagbranch",
        f".dagbranch/{digest}.json",
        "qu/common.py",
        "qu/main/rows.sql",
        "qu/main/test_dag.py",
    }
    configuration = json.loads((dags / "feature1" / ".dagbranch" / f"{digest}.json").read_text())
    assert (configuration["head_sha"], configuration["lane"]) == (FIRST, "preview")
    assert configuration["schemas"] == {"db_attribution": "db_attribution_feature1"}


def test_package_without_a_copy_leaves_what_no_worker_needs_to_sync(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    run(capsys, *package(source, dags))
    write(source, {"dagbranch.yaml": b"version: 1\ncopy: never\n"})

    digest = run(capsys, *package(source, dags))["source_digest"]

    left = {file.relative_to(dags).as_posix() for file in dags.rglob("*") if file.is_file()}
    assert left == {"feature1.zip", "feature1/.airflowignore", f"feature1/.dagbranch/{digest}.json"}


def test_package_puts_job_code_into_the_environments_folder_and_says_where(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(source, {"spark/jobs/lib/clean.py": b"1", "dagbranch.yaml": b"version: 1\nartifacts: {jobs: spark/jobs}\n"})
    first = run(capsys, *package(source, dags))["artifacts"]["jobs"]
    write(source, {"spark/jobs/lib/clean.py": b"2"})

    printed = run(capsys, *package(source, dags))

    uri = printed["artifacts"]["jobs"]
    assert uri.startswith((dags / "feature1" / ".dagbranch" / "artifacts").as_uri())
    assert uri != first
    jobs = Path(uri.removeprefix("file://"))
    assert {file.relative_to(jobs).as_posix(): file.read_bytes() for file in jobs.rglob("*.py")} == {
        "lib/clean.py": b"2"
    }
    assert not Path(first.removeprefix("file://")).exists()
    configuration = json.loads((dags / "feature1" / ".dagbranch" / f"{printed['source_digest']}.json").read_text())
    assert configuration["artifacts"] == {"jobs": uri}


def test_package_refuses_job_code_that_is_not_there(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(source, {"dagbranch.yaml": b"version: 1\nartifacts:\n  jobs: spark\n"})

    refused = refusal(capsys, *package(source, dags))

    assert "dagbranch.yaml:3: artifacts.jobs: the folder 'spark' has no files at this commit" in refused
    assert not dags.exists()


def test_package_gives_the_same_bytes_for_a_folder_an_archive_and_another_environment(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, tmp_path: Path
) -> None:
    run(capsys, "archive", source, "--output", tmp_path / "source.zip")

    printed = [
        run(capsys, *package(source, dags)),
        run(capsys, *package(tmp_path / "source.zip", dags, "feature2")),
        run(capsys, *package(source, dags, "feature3"), "--lane", "prod"),
    ]

    assert len({one["sha256"] for one in printed}) == 1


def test_package_a_second_time_touches_nothing(capsys: pytest.CaptureFixture[str], source: Path, dags: Path) -> None:
    run(capsys, *package(source, dags))
    before = times(dags)

    run(capsys, *package(source, dags))

    assert times(dags) == before


def test_package_after_a_change_touches_only_what_changed_and_drops_what_is_gone(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    run(capsys, *package(source, dags))
    before = times(dags)
    write(source, {"dags/qu/common.py": b"LIMIT = 2\n"})
    (source / "dags/qu/main/rows.sql").unlink()

    digest = run(capsys, *package(source, dags))["source_digest"]

    touched = {file.relative_to(dags).as_posix() for file, time in times(dags).items() if before.get(file) != time}
    assert touched == {"feature1.zip", "feature1/qu/common.py", f"feature1/.dagbranch/{digest}.json"}
    assert not (dags / "feature1/qu/main/rows.sql").exists()
    assert not [file for file in dags.rglob("*") if file.name.startswith(".dagbranch-")]


@pytest.mark.slow
def test_the_last_configuration_stays_until_the_zip_that_reads_it_is_replaced(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    before = run(capsys, *package(source, dags))["source_digest"]
    write(source, {"dags/qu/common.py": b"LIMIT = 2\n"})

    done = subprocess.run(
        [sys.executable, "-c", _AT_THE_ZIP, *package(source, dags)], capture_output=True, text=True, check=True
    )

    after = json.loads(done.stdout.splitlines()[-1])["source_digest"]
    assert done.stdout.splitlines()[0].split() == sorted([f"{before}.json", f"{after}.json"])
    assert [file.name for file in (dags / "feature1/.dagbranch").iterdir()] == [f"{after}.json"]


def test_a_folder_may_become_a_file_and_a_file_a_folder(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(source, {"dags/a/inside.txt": b"1", "dags/b": b"2"})
    run(capsys, *package(source, dags))
    (source / "dags/a/inside.txt").unlink()
    (source / "dags/a").rmdir()
    (source / "dags/b").unlink()
    write(source, {"dags/a": b"3", "dags/b/inside.txt": b"4"})

    run(capsys, *package(source, dags))

    assert (dags / "feature1/a").read_bytes() == b"3"
    assert (dags / "feature1/b/inside.txt").read_bytes() == b"4"


def test_package_tells_its_warnings(capsys: pytest.CaptureFixture[str], source: Path, dags: Path) -> None:
    write(source, {"dags/twice.py": FILES["dags/qu/main/test_dag.py"]})

    printed = run(capsys, *package(source, dags))
    main([*map(str, package(source, dags))])

    assert len(printed["warnings"]) == 1
    assert "warning: the DAG id 'qu.test_dag' is given in" in capsys.readouterr().out


def test_package_leaves_a_zip_alone_that_it_did_not_make(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(dags, {"feature1.zip": b"somebody's"})

    assert "no packaged DAG of dagbranch" in refusal(capsys, *package(source, dags))
    assert (dags / "feature1.zip").read_bytes() == b"somebody's"
    assert not (dags / "feature1").exists()


def test_package_leaves_a_folder_alone_that_it_did_not_make(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(dags, {"feature1/theirs.py": b"import airflow"})

    assert "left alone" in refusal(capsys, *package(source, dags))
    assert [file.name for file in dags.rglob("*") if file.is_file()] == ["theirs.py"]


def test_package_writes_nothing_through_a_link_that_stands_in_its_place(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, tmp_path: Path
) -> None:
    write(tmp_path / "elsewhere", {".dagbranch/x.json": b"{}"})
    dags.mkdir(parents=True)
    (dags / "feature1").symlink_to(tmp_path / "elsewhere")

    refusal(capsys, *package(source, dags))

    assert (tmp_path / "elsewhere/.dagbranch/x.json").exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (["--environment", "Feature-1"], "--environment Feature-1"),
        (["--environment", "../x"], "--environment ../x"),
        (["--commit", "main"], "--commit main"),
        (["--lane", "nightly"], "--lane"),
    ],
)
def test_package_refuses_names_that_are_none(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, changed: list[str], told: str
) -> None:
    assert told in refusal(capsys, *package(source, dags), *changed)
    assert not dags.exists()


@pytest.fixture
def selecting(source: Path) -> Path:
    """A repository with two DAG modules, of which an environment shows those that changed."""
    other = FILES["dags/qu/main/test_dag.py"].replace(b"test_dag", b"other_dag")
    write(source, {"dags/ünï.py": other, "dagbranch.yaml": b"version: 1\nselect: changed\n"})
    return source


def test_package_shows_what_was_changed_and_tells_how_many(
    capsys: pytest.CaptureFixture[str], selecting: Path, dags: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.txt"
    changed.write_text("README.md\ndags/qu/main/test_dag.py\n")

    printed = run(capsys, *package(selecting, dags), "--changed", changed)
    main([*map(str, package(selecting, dags)), "--changed", str(changed)])

    assert printed["modules"] == ["qu/main/test_dag.py", "ünï.py"]
    assert printed["selected"] == ["qu/main/test_dag.py"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["qu/main/test_dag.py", "1 of 2 DAG modules are shown"]
    configuration = dags / f"feature1/.dagbranch/{printed['source_digest']}.json"
    assert json.loads(configuration.read_text())["selected"] == ["qu/main/test_dag.py"]


def test_package_takes_the_changed_paths_as_git_prints_them(
    capsys: pytest.CaptureFixture[str], selecting: Path, dags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('"dags/\\303\\274n\\303\\257.py"\n'))

    assert run(capsys, *package(selecting, dags), "--changed", "-")["selected"] == ["ünï.py"]


def test_package_without_changes_that_anybody_told_shows_all(
    capsys: pytest.CaptureFixture[str], selecting: Path, dags: Path
) -> None:
    printed = run(capsys, *package(selecting, dags))

    assert printed["selected"] == printed["modules"]


def test_package_refuses_a_file_of_changes_that_is_none(
    capsys: pytest.CaptureFixture[str], selecting: Path, dags: Path, tmp_path: Path
) -> None:
    (tmp_path / "changed").write_text('"dags/\\377.py"\n')

    assert "missing" in refusal(capsys, *package(selecting, dags), "--changed", "missing")
    assert "--changed" in refusal(capsys, *package(selecting, dags), "--changed", tmp_path / "changed")
