from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dagbranch import __version__
from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.cli import main
from dagbranch.domain.packaging import package_dags
from dagbranch.domain.source_archive import Limits, read_source_archive, source_digest, write_canonical_zip
from tests.fakes.command import package, refusal, requiring, run, write


@dataclass(frozen=True)
class Deployed:
    zip: Path
    archive: Path

    def change(self, **members: bytes | None) -> None:
        """Puts other content into the zip; None takes the member out."""
        files = read_source_archive(self.zip.read_bytes(), Limits())
        changed = {**files, **{path.replace("__", "/"): content for path, content in members.items()}}
        self.zip.write_bytes(write_canonical_zip({path: one for path, one in changed.items() if one is not None}))


@pytest.fixture
def deployed(capsys: pytest.CaptureFixture[str], source: Path, dags: Path, tmp_path: Path) -> Deployed:
    archive = tmp_path / "source.zip"
    run(capsys, "archive", source, "--output", archive)
    run(capsys, *package(archive, dags, "prod_pipelines"), "--lane", "prod")
    return Deployed(dags / "prod_pipelines.zip", archive)


def verify(capsys: pytest.CaptureFixture[str], deployed: Deployed) -> tuple[int, Any]:
    status = main(["verify", str(deployed.zip), str(deployed.archive), "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_a_zip_is_proven_to_be_made_of_its_archive_in_whatever_lane_and_environment(
    capsys: pytest.CaptureFixture[str], deployed: Deployed
) -> None:
    status, told = verify(capsys, deployed)

    assert (status, told["same"], told["differences"]) == (0, True, [])
    assert told["sha256"] == told["expected_sha256"] == hashlib.sha256(deployed.zip.read_bytes()).hexdigest()
    assert (told["made_by"], told["made_of"]) == (__version__, source_digest(deployed.archive.read_bytes()))


def test_packages_that_travel_along_are_proven_too(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, tmp_path: Path
) -> None:
    wheels = requiring(source, tmp_path)
    run(capsys, "archive", source, "--wheels", wheels, "--output", tmp_path / "source.zip")
    run(capsys, *package(tmp_path / "source.zip", dags))

    assert verify(capsys, Deployed(dags / "feature1.zip", tmp_path / "source.zip"))[0] == 0


@pytest.mark.parametrize(
    ("members", "difference"),
    [
        ({"_src__qu__common.py": b"LIMIT = 2\n"}, "_src/qu/common.py: other content"),
        ({"_src__qu__common.py": None}, "_src/qu/common.py: missing"),
        ({"_src__a.py": b"import os\n"}, "_src/a.py: not made of this archive"),
        ({"sitecustomize.py": b"import os\n"}, "sitecustomize.py: not made of this archive"),
    ],
)
def test_a_zip_that_was_tampered_with_is_told_with_the_first_member_that_differs(
    capsys: pytest.CaptureFixture[str], deployed: Deployed, members: dict[str, bytes | None], difference: str
) -> None:
    deployed.change(**members)

    status, told = verify(capsys, deployed)

    assert (status, told["same"]) == (1, False)
    assert told["differences"] == [f"the first difference is in {difference}"]


def test_a_zip_with_the_same_members_in_other_bytes_is_not_the_same(
    capsys: pytest.CaptureFixture[str], deployed: Deployed
) -> None:
    deployed.zip.write_bytes(deployed.zip.read_bytes() + b" ")

    status, told = verify(capsys, deployed)

    assert status == 1
    assert told["differences"] == ["the first difference is in the order, dates or permissions of its members"]


def test_a_zip_of_another_commit_is_told_by_both_digests(
    capsys: pytest.CaptureFixture[str], deployed: Deployed, source: Path
) -> None:
    before = source_digest(deployed.archive.read_bytes())
    write(source, {"dags/qu/common.py": b"LIMIT = 2\n"})
    run(capsys, "archive", source, "--output", deployed.archive)

    status, told = verify(capsys, deployed)

    assert status == 1
    assert told["differences"][0] == (
        f"it says that it was made of {before}, and this archive is {source_digest(deployed.archive.read_bytes())}"
    )


def test_a_zip_of_another_version_names_the_version_that_made_it(
    capsys: pytest.CaptureFixture[str], deployed: Deployed
) -> None:
    archive = deployed.archive.read_bytes()
    older = package_dags(
        read_source_archive(archive, Limits()),
        dags_folder="dags",
        source_digest=source_digest(archive),
        runtime=runtime_modules(),
        version="0.0.9",
    )
    deployed.zip.write_bytes(older.archive)

    status, told = verify(capsys, deployed)

    assert (status, told["made_by"]) == (1, "0.0.9")
    assert told["differences"][0].startswith(f"dagbranch 0.0.9 made it, and this is {__version__}")
    assert told["differences"][-1] == "the first difference is in _dagbranch/manifest.json: other content"


def test_people_are_told_in_words(capsys: pytest.CaptureFixture[str], deployed: Deployed) -> None:
    main(["verify", str(deployed.zip), str(deployed.archive)])
    same = capsys.readouterr().out
    deployed.change(**{"_src__qu__common.py": b"LIMIT = 2\n"})
    main(["verify", str(deployed.zip), str(deployed.archive)])
    other = capsys.readouterr().out

    assert same.startswith("the same: ")
    assert other.splitlines()[0].startswith("not the same: the zip is ")
    assert other.splitlines()[1] == "the first difference is in _src/qu/common.py: other content"


@pytest.mark.parametrize("which", ["zip", "archive"])
def test_what_is_no_zip_or_no_source_archive_is_bad_input(
    capsys: pytest.CaptureFixture[str], deployed: Deployed, which: str
) -> None:
    getattr(deployed, which).write_bytes(b"PK no zip")

    refusal(capsys, "verify", deployed.zip, deployed.archive)
