"""Where the runtime reads an environment's files."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from dagbranch.domain.packaging import package_dags
from dagbranch.runtime.package import files_on_disk, opened, read_package

FILES = {"dags/x.py": b"# airflow dag\n", "dags/sql/query.sql": b"SELECT 1\n"}


@pytest.fixture
def zip_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A packaged DAG with its whole copy beside it."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    packaged = package_dags(FILES, dags_folder="dags", source_digest=64 * "a", runtime={}, version="0.1.0")
    for path, content in packaged.copy.items():
        (tmp_path / "feature1" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "feature1" / path).write_bytes(content)
    file = tmp_path / "feature1.zip"
    file.write_bytes(packaged.archive)
    return file


def place_of(zip_path: Path) -> Path:
    with opened(zip_path) as archive:
        return files_on_disk(read_package(archive, zip_path), archive)


def test_a_copy_in_the_zips_version_is_used(zip_path: Path) -> None:
    assert place_of(zip_path) == zip_path.with_suffix("")


def test_a_file_that_the_copy_has_besides_does_not_matter(zip_path: Path) -> None:
    (zip_path.with_suffix("") / "dropped_by_this_commit.sql").write_text("")

    assert place_of(zip_path) == zip_path.with_suffix("")


@pytest.mark.parametrize("content", [None, b"SELECT 2\n", b"SELECT"])
def test_a_copy_that_lacks_a_file_or_has_another_version_is_not(zip_path: Path, content: bytes | None) -> None:
    file = zip_path.with_suffix("") / "sql" / "query.sql"
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    place = place_of(zip_path)

    assert (place / "sql" / "query.sql").read_bytes() == b"SELECT 1\n"
    assert (place / "x.py").read_bytes() == FILES["dags/x.py"]
    assert place_of(zip_path) == place


def test_an_extraction_that_was_tampered_with_is_not_used(zip_path: Path) -> None:
    (zip_path.with_suffix("") / "x.py").unlink()
    place = place_of(zip_path)
    (place / "sql" / "query.sql").write_bytes(b"DROP 1\n")

    assert (place_of(zip_path) / "sql" / "query.sql").read_bytes() == b"SELECT 1\n"


def test_extractions_that_nobody_used_for_long_are_dropped(zip_path: Path) -> None:
    (zip_path.with_suffix("") / "x.py").unlink()
    home = place_of(zip_path).parent
    old, young = home / "old", home / "young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (0, time.time() - 30 * 24 * 3600))
    (place_of(zip_path) / "x.py").unlink()

    place_of(zip_path)

    assert not old.exists()
    assert young.exists()


def test_a_folder_that_others_may_write_to_is_not_trusted(zip_path: Path) -> None:
    (zip_path.with_suffix("") / "x.py").unlink()
    home = place_of(zip_path).parent
    home.chmod(0o777)

    assert place_of(zip_path).parent != home
