from __future__ import annotations

from pathlib import Path

import pytest

from dagbranch.cli import main
from dagbranch.domain.source_archive import Limits, read_source_archive, source_digest
from tests.fakes.command import refusal, requiring, run, write
from tests.fakes.examples import DATA_FILE, FILES, FIRST
from tests.fakes.wheels import a_wheel, wheel_name


def test_name_prints_the_name_of_a_branchs_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "name", "feature/ATTR-1") == {"environment": "feature_attr_1"}
    assert run(capsys, "name", "prod", "--pull-number", "7") == {"environment": "prod_7"}
    assert main(["name", "Feature-1"]) == 0
    assert capsys.readouterr().out == "feature_1\n"


@pytest.mark.parametrize("branch", ["prod", "@@@", ""])
def test_name_refuses_a_branch_that_only_its_number_could_name(capsys: pytest.CaptureFixture[str], branch: str) -> None:
    assert "--pull-number" in refusal(capsys, "name", branch, "--json")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5"])
def test_name_refuses_what_is_no_number(capsys: pytest.CaptureFixture[str], number: str) -> None:
    assert f"--pull-number: '{number}' is no pull request's number" in refusal(
        capsys, "name", "b", f"--pull-number={number}"
    )


def test_archive_makes_the_canonical_archive_and_prints_its_digest(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    output = tmp_path / "source.zip"

    printed = run(capsys, "archive", source, "--output", output)

    content = output.read_bytes()
    assert printed == {"archive": str(output), "source_digest": source_digest(content)}
    assert read_source_archive(content, Limits()) == {**FILES, "dagbranch.yaml": DATA_FILE}


def test_archive_of_an_archive_is_the_same_archive(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    first = run(capsys, "archive", source, "--output", tmp_path / "1.zip")
    second = run(capsys, "archive", tmp_path / "1.zip", "--output", tmp_path / "2.zip")

    assert first["source_digest"] == second["source_digest"]
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_archive_of_a_folder_brings_the_wheels_that_it_requires(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    wheels = requiring(source, tmp_path)

    run(capsys, "archive", source, "--wheels", wheels, "--output", tmp_path / "source.zip")

    archived = read_source_archive((tmp_path / "source.zip").read_bytes(), Limits())
    assert archived[f".dagbranch/wheels/{wheel_name('holidays')}"] == a_wheel("holidays")


def test_archive_refuses_requirements_by_file_and_line(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    wheels = requiring(source, tmp_path)
    write(source, {"requirements.txt": b"# pins\nholidays>=1\n-r more.txt\n"})

    refused = refusal(capsys, "archive", source, "--wheels", wheels, "--output", tmp_path / "source.zip")

    assert "requirements.txt:2: holidays: without a hash" in refused
    assert "requirements.txt:3: the option -r is not allowed" in refused


def uploading(source: Path, tmp_path: Path, *more: str) -> list[str | Path]:
    write(source, {"dagbranch.yaml": DATA_FILE + b"archive: uploaded\n"})
    upload = ["--repository", "acme/pipelines", "--commit", FIRST, *more]
    return ["archive", source, "--output", tmp_path / "source.zip", *upload]


@pytest.mark.parametrize(("kind", "place"), [(["--pull-number", "7"], "pull/7"), (["--release"], "release")])
def test_archive_prints_the_key_that_ci_uploads_it_to(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path, kind: list[str], place: str
) -> None:
    told = run(capsys, *uploading(source, tmp_path, *kind))
    assert main([*map(str, uploading(source, tmp_path, *kind))]) == 0

    key = f"sources/acme/pipelines/{place}/{FIRST}/{told['source_digest']}.zip"
    assert (told["key"], capsys.readouterr().out) == (key, f"{key}\n")
    assert source_digest((tmp_path / "source.zip").read_bytes()) == told["source_digest"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ([], "a key takes --repository, --commit, and --pull-number or --release"),
        (["--release", "--pull-number", "7"], "not allowed with"),
        (["--release", "--commit", FIRST[:7]], "expected 40 hexadecimal digits"),
        (["--release", "--repository", "../pipelines"], "expected owner/name"),
        (["--pull-number", "0"], "is no pull request's number"),
    ],
)
def test_archive_makes_nothing_for_a_key_that_is_none(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path, more: list[str], told: str
) -> None:
    assert told in refusal(capsys, *uploading(source, tmp_path, *more))
    assert not (tmp_path / "source.zip").exists()


def test_archive_makes_none_for_an_upload_that_the_file_does_not_ask_for(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    uploaded = uploading(source, tmp_path, "--release")
    write(source, {"dagbranch.yaml": DATA_FILE})

    assert "dagbranch.yaml: archive: uploaded is missing" in refusal(capsys, *uploaded)
    assert not (tmp_path / "source.zip").exists()
