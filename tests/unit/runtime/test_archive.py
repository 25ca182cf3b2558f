"""Reading the zip that packaging wrote."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from dagbranch.domain.source_archive import write_canonical_zip
from dagbranch.runtime.archive import Archive

FILES = {"_src/x.py": b"# airflow dag\n", "_src/sql/größe.sql": b"SELECT 1\n", "_src/empty": b"", "a.bin": bytes(3000)}


@pytest.fixture
def zip_path(tmp_path: Path) -> Path:
    file = tmp_path / "feature1.zip"
    file.write_bytes(write_canonical_zip(FILES))
    return file


def test_it_has_what_zipfile_finds_in_it(zip_path: Path) -> None:
    with zip_path.open("rb") as handle, zipfile.ZipFile(zip_path) as reference:
        archive = Archive(handle.fileno())

        assert archive.namelist() == reference.namelist()
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_a_zip_that_took_its_place_does_not_show(zip_path: Path) -> None:
    with zip_path.open("rb") as handle:
        archive = Archive(handle.fileno())
        other = zip_path.with_name("other.zip")
        other.write_bytes(write_canonical_zip({"_src/x.py": b"# another one\n"}))
        other.replace(zip_path)

        assert archive.read("_src/x.py") == FILES["_src/x.py"]


def test_a_zip_that_was_written_over_is_noticed(zip_path: Path) -> None:
    with zip_path.open("rb") as handle:
        archive = Archive(handle.fileno())
        zip_path.write_bytes(
            write_canonical_zip({**FILES, "_src/a.py": b"comes first", "_src/x.py": b"# airflow DAG\n"})
        )

        with pytest.raises(zipfile.BadZipFile, match=r"_src/x\.py is not what the zip's directory says"):
            archive.read("_src/x.py")


@pytest.mark.parametrize("length", [0, 10, 500, -1])
def test_a_zip_that_is_not_whole_is_refused(zip_path: Path, length: int) -> None:
    zip_path.write_bytes(zip_path.read_bytes()[:length])

    with zip_path.open("rb") as handle, pytest.raises(zipfile.BadZipFile):
        Archive(handle.fileno())


def test_a_zip_of_another_make_is_refused(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_src/x.py", b"# airflow dag\n" * 100)
    file = tmp_path / "feature1.zip"
    file.write_bytes(made.getvalue())

    with file.open("rb") as handle, pytest.raises(zipfile.BadZipFile, match="compressed"):
        Archive(handle.fileno())


def test_a_damaged_directory_is_refused(zip_path: Path) -> None:
    content = zip_path.read_bytes()
    directory = content.index(b"PK\x01\x02")
    with zip_path.open("r+b") as handle:
        handle.seek(directory + 28)
        handle.write(b"\xff\xff")

    with zip_path.open("rb") as handle, pytest.raises(zipfile.BadZipFile):
        Archive(handle.fileno())
