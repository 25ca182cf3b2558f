"""Whether a folder holds a package's files, without reading them all each time."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagbranch.runtime import cache
from dagbranch.runtime.verified import holds

CONTENTS = {"x.py": b"# airflow dag\n", "sql/query.sql": b"SELECT 1\n"}
FILES = {
    path: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for path, content in CONTENTS.items()
}
DIGEST = 64 * "a"
# A time, in 2096, when the files are so old that any later change shows in theirs, however long the tests before took.
LATER = 4e9


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy that is whole."""
    temporary, copy = tmp_path / "tmp", tmp_path / "copy"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for path, content in CONTENTS.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(content)
    yield copy
    cache.cache_of.cache_clear()


def kept(folder: Path) -> list[Path]:
    records = folder.parent / "tmp" / f"dagbranch-{os.getuid()}" / "verified"
    return [file for file in records.glob("*") if not file.name.startswith(".")]


def test_a_file_is_remembered_once_it_was_read(folder: Path) -> None:
    assert holds(folder, FILES, DIGEST, LATER)

    other = {path: {**facts, "sha256": 64 * "0"} for path, facts in FILES.items()}
    assert holds(folder, other, DIGEST, LATER), "nothing was read again"
    assert not holds(folder, other, 64 * "b", LATER), "another package's files were not verified here"


def test_a_change_that_keeps_size_and_time_is_noticed(folder: Path) -> None:
    assert holds(folder, FILES, DIGEST, LATER)
    file = folder / "sql" / "query.sql"
    before = file.stat()
    while file.stat().st_ctime_ns == before.st_ctime_ns:  # the file system's clock may not have ticked yet
        file.write_bytes(b"SELECT 2\n")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert not holds(folder, FILES, DIGEST, LATER)


def test_a_file_that_another_one_replaced_is_noticed(folder: Path) -> None:
    assert holds(folder, FILES, DIGEST, LATER)
    other = folder / "other.sql"
    other.write_bytes(b"SELECT 2\n")
    other.replace(folder / "sql" / "query.sql")

    assert not holds(folder, FILES, DIGEST, LATER)


def test_a_file_that_came_back_as_it_was_is_read_again_and_remembered(folder: Path) -> None:
    assert holds(folder, FILES, DIGEST, LATER)
    (folder / "x.py").unlink()
    assert not holds(folder, FILES, DIGEST, LATER)
    (folder / "x.py").write_bytes(CONTENTS["x.py"])

    assert holds(folder, FILES, DIGEST, LATER)


def test_a_file_that_is_new_is_not_remembered(folder: Path) -> None:
    assert holds(folder, FILES, DIGEST, time.time())

    assert kept(folder) == []


def test_a_record_that_was_damaged_is_not_believed(folder: Path) -> None:
    assert holds(folder, FILES, DIGEST, LATER)
    [record] = kept(folder)
    record.write_bytes(record.read_bytes()[:-4] + b"\0\0\0\0")
    other = {path: {**facts, "sha256": 64 * "0"} for path, facts in FILES.items()}

    assert holds(folder, FILES, DIGEST, LATER)
    record.write_bytes(record.read_bytes()[:-4] + b"\0\0\0\0")
    assert not holds(folder, other, DIGEST, LATER)


@pytest.mark.parametrize("content", [None, b"SELECT"])
def test_a_folder_that_lacks_a_file_or_its_end_does_not_hold_them(folder: Path, content: bytes | None) -> None:
    file = folder / "sql" / "query.sql"
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    assert not holds(folder, FILES, DIGEST, LATER)
