from __future__ import annotations

import io
import struct
import zipfile
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagbranch.domain.source_archive import (
    Limits,
    check_path,
    check_sizes,
    read_source_archive,
    source_digest,
    write_canonical_zip,
)
from dagbranch.errors import UnsafeArchiveError

LIMITS = Limits()
FILES = {
    "dags/a.py": b"import airflow\n",
    "dags/sql/a.sql": b"SELECT 1",
    "dagbranch.yaml": b"version: 1\n",
    "ü.txt": b"",
}
parts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="/\\"), min_size=1).filter(
    lambda part: part not in {".", ".."}
)
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)
contents = st.dictionaries(paths, st.binary(max_size=50), max_size=5)


def zipped(*entries: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


@given(contents)
def test_what_was_archived_is_read_back(files: dict[str, bytes]) -> None:
    assert read_source_archive(write_canonical_zip(files), LIMITS) == files


@given(contents, st.randoms())
def test_the_bytes_depend_on_paths_and_contents_alone(files: dict[str, bytes], random: Random) -> None:
    shuffled = list(files.items())
    random.shuffle(shuffled)

    assert write_canonical_zip(dict(shuffled)) == write_canonical_zip(files)


def test_the_digest_of_known_files_never_changes() -> None:
    archive = write_canonical_zip({"dags/a.py": b"import airflow\n"})

    assert source_digest(archive) == "a1bbfb914b5d9da601b885d9b297cb52ae693364f5bb5266e7193600524356cc"


def test_entries_are_sorted_dated_1980_and_stored() -> None:
    with zipfile.ZipFile(io.BytesIO(write_canonical_zip(FILES))) as archive:
        entries = archive.infolist()

    assert [entry.filename for entry in entries] == sorted(FILES)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a//b",
        "a/",
        "./a",
        "a/.",
        "..",
        "",
        "a\\b",
        "a\x00b",
        "a\nb",
        "C:\\x",
        "a\udcffb",
        "a" * 701,
    ],
)
def test_a_path_that_leads_out_or_cannot_be_an_object_is_refused(path: str) -> None:
    with pytest.raises(UnsafeArchiveError):
        check_path(path)
    with pytest.raises(UnsafeArchiveError):
        write_canonical_zip({path: b""})


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a\\..\\x"])
def test_an_archive_with_such_a_path_is_refused(path: str) -> None:
    with pytest.raises(UnsafeArchiveError, match="leads out"):
        read_source_archive(zipped((path, b"x")), LIMITS)


def test_a_compressed_archive_is_refused() -> None:
    with pytest.raises(UnsafeArchiveError, match="is compressed"):
        read_source_archive(zipped(("a", b"x" * 1000), compression=zipfile.ZIP_DEFLATED), LIMITS)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped(("a", b"\x00" * 20_000_000), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000

    with pytest.raises(UnsafeArchiveError, match="is compressed"):
        read_source_archive(bomb, LIMITS)
    with pytest.raises(UnsafeArchiveError, match="at most 1000 are allowed"):
        read_source_archive(bomb, Limits(file_size_bytes=1000))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_path_that_is_there_twice_is_refused() -> None:
    with pytest.raises(UnsafeArchiveError, match="twice"):
        read_source_archive(zipped(("a", b"1"), ("a", b"2")), LIMITS)


@pytest.mark.parametrize(
    "archive",
    [
        zipped(("b", b""), ("a", b"")),
        zipped(("a", b"")),
        write_canonical_zip(FILES) + b"\n",
        b"#!/bin/sh\n" + write_canonical_zip(FILES),
    ],
    ids=["unsorted", "other attributes", "something behind", "something before"],
)
def test_an_archive_in_another_form_is_refused_with_what_makes_it_right(archive: bytes) -> None:
    with pytest.raises(UnsafeArchiveError, match="dagbranch archive"):
        read_source_archive(archive, LIMITS)


@pytest.mark.parametrize("archive", [b"", b"PK", b"not a zip", write_canonical_zip(FILES)[:-30]])
def test_what_is_no_zip_is_refused(archive: bytes) -> None:
    with pytest.raises(UnsafeArchiveError, match="no readable zip"):
        read_source_archive(archive, LIMITS)


def test_an_encrypted_entry_is_refused() -> None:
    archive = bytearray(write_canonical_zip({"a": b"x"}))
    central = archive.index(b"PK\x01\x02")
    struct.pack_into("<H", archive, central + 8, 1)

    with pytest.raises(UnsafeArchiveError):
        read_source_archive(bytes(archive), LIMITS)


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=100)
@given(st.data())
def test_mutated_bytes_are_refused_and_never_crash(data: st.DataObject) -> None:
    archive = bytearray(write_canonical_zip(FILES))
    places = data.draw(st.lists(st.integers(0, len(archive) - 1), min_size=1, max_size=4, unique=True))
    for place in places:
        archive[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises(UnsafeArchiveError):
        read_source_archive(bytes(archive), LIMITS)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_and_never_crash(archive: bytes) -> None:
    with pytest.raises(UnsafeArchiveError):
        read_source_archive(archive, LIMITS)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(files=2), "3 files are to be packaged, at most 2"),
        (Limits(size_bytes=11), "12 bytes, at most 11"),
        (Limits(file_size_bytes=5), "c: 6 bytes, at most 5"),
    ],
)
def test_what_exceeds_a_limit_is_told_with_what_was_found_and_what_is_allowed(limits: Limits, message: str) -> None:
    with pytest.raises(UnsafeArchiveError, match=message):
        check_sizes({"a": 1, "b": 5, "c": 6}, limits)


def test_what_just_fits_is_taken() -> None:
    check_sizes({"a": 1, "b": 5, "c": 6}, Limits(files=3, size_bytes=12, file_size_bytes=6))


def test_the_bytes_are_those_of_pythons_own_zipfile() -> None:
    """Ours are spelled out so that no version of zipfile can change them; they are the plain zip all the same."""
    files = {"dags/a.py": b"print(1)\n", "dags/ä/ü.sql": b"SELECT 1", "empty": b"", "z" * 300: b"x" * 5_000}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, files[path])

    assert write_canonical_zip(files) == written.getvalue()


@pytest.mark.slow
def test_more_entries_than_a_plain_zip_holds_are_refused() -> None:
    with pytest.raises(UnsafeArchiveError, match="more than a plain zip holds"):
        write_canonical_zip({str(number): b"" for number in range(65_535)})
