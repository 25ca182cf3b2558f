from __future__ import annotations

import os
from pathlib import Path

import pytest

from dagbranch.adapters.source_folders import read_source
from dagbranch.domain.source_archive import Limits, write_canonical_zip
from dagbranch.errors import SourceError, UnsafeArchiveError
from tests.fakes.examples import FILES


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "pipelines"
    for path, content in {**FILES, "README.md": b"", "dags/__pycache__/x.pyc": b"", "dags/.git/config": b""}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def test_a_folder_gives_what_is_packaged_of_it(source: Path) -> None:
    assert read_source(source) == FILES


def test_an_archive_gives_the_same(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "source.zip"
    archive.write_bytes(write_canonical_zip(FILES))

    assert read_source(archive) == read_source(source)


def test_the_pipeline_file_says_which_folder_it_is(source: Path) -> None:
    (source / "dagbranch.yaml").write_text("version: 1\ndags: dags/qu/main\n")

    assert set(read_source(source)) == {"dagbranch.yaml", "dags/qu/main/test_dag.py", "dags/qu/main/rows.sql"}


def test_links_that_stay_inside_are_their_targets(source: Path) -> None:
    (source / "lib").mkdir()
    (source / "lib/shared.py").write_bytes(b"SHARED = 1\n")
    (source / "dags/shared.py").symlink_to("../lib/shared.py")
    (source / "dags/lib").symlink_to("../lib")

    files = read_source(source)

    assert files["dags/shared.py"] == files["dags/lib/shared.py"] == b"SHARED = 1\n"


@pytest.mark.parametrize("target", ["/etc/hostname", "../../outside", "missing", "."])
def test_any_other_link_is_refused(source: Path, target: str) -> None:
    (source.parent / "outside").mkdir()
    (source / "dags/link").symlink_to(target)

    with pytest.raises(UnsafeArchiveError, match="link"):
        read_source(source)


def test_what_is_neither_file_nor_folder_is_refused(source: Path) -> None:
    os.mkfifo(source / "dags/pipe")

    with pytest.raises(UnsafeArchiveError, match="dags/pipe is no regular file"):
        read_source(source)
    with pytest.raises(SourceError, match="no folder and no source archive"):
        read_source(source / "missing")


def test_the_limits_hold_for_what_is_kept(source: Path) -> None:
    with pytest.raises(UnsafeArchiveError, match="at most 2"):
        read_source(source, Limits(files=2))
    assert read_source(source, Limits(files=3))
