"""What one process keeps for the next."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from dagbranch.runtime.cache import KEPT_SECONDS, Cache
from dagbranch.runtime.private_files import own_folder

KEY = hashlib.sha256(b"key").digest()
OTHER_KEY = hashlib.sha256(b"other key").digest()
WRITERS = 4
ROUNDS = 50


def written(folder: Path, content: bytes = b"content") -> Path:
    Cache(str(folder)).write(KEY, content)
    return folder / KEY.hex()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written(tmp_path)

    assert Cache(str(tmp_path)).read(KEY) == b"content"
    assert Cache(str(tmp_path)).read(OTHER_KEY) is None


@pytest.mark.parametrize("length", [0, 5, 60, -1])
def test_a_file_that_was_cut_short_is_none(tmp_path: Path, length: int) -> None:
    file = written(tmp_path)
    file.write_bytes(file.read_bytes()[:length])

    assert Cache(str(tmp_path)).read(KEY) is None


def test_a_file_with_other_content_is_none(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"content", b"malware"))

    assert Cache(str(tmp_path)).read(KEY) is None


def test_a_whole_file_under_the_name_of_another_is_none(tmp_path: Path) -> None:
    written(tmp_path).rename(tmp_path / OTHER_KEY.hex())

    assert Cache(str(tmp_path)).read(OTHER_KEY) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_none(tmp_path: Path) -> None:
    os.chown(written(tmp_path), 12345, 12345)

    assert Cache(str(tmp_path)).read(KEY) is None


def test_without_a_folder_nothing_is_kept() -> None:
    cache = Cache(None)

    cache.write(KEY, b"content")

    assert cache.read(KEY) is None


def test_a_folder_that_is_gone_is_as_good_as_none(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "gone"))

    cache.write(KEY, b"content")

    assert cache.read(KEY) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_leaves_no_half_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = os.open("/dev/full", os.O_WRONLY)
    temporary = tmp_path / ".half"
    temporary.write_bytes(b"")
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (handle, str(temporary)))

    Cache(str(tmp_path)).write(KEY, b"content")

    assert list(tmp_path.iterdir()) == []


def write_often(folder: str, content: bytes) -> None:
    cache = Cache(folder)
    for _ in range(ROUNDS):
        cache.write(KEY, content)


@pytest.mark.slow
def test_a_reader_beside_many_writers_sees_one_of_their_contents_whole(tmp_path: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(WRITERS)]
    written(tmp_path, contents[0])
    spawning = multiprocessing.get_context("spawn")
    writers = [spawning.Process(target=write_often, args=(str(tmp_path), content)) for content in contents]
    for writer in writers:
        writer.start()

    found = {Cache(str(tmp_path)).read(KEY)}
    while any(writer.is_alive() for writer in writers):
        found.add(Cache(str(tmp_path)).read(KEY))

    for writer in writers:
        writer.join()
        writer.close()
    assert found <= set(contents)
    assert {file.name for file in tmp_path.iterdir()} <= {KEY.hex(), ".pruned"}


def test_what_nobody_read_for_a_week_is_dropped_once_a_day(tmp_path: Path) -> None:
    long_ago = time.time() - KEPT_SECONDS - 1000
    unused = tmp_path / ("0" * 64)
    unused.write_bytes(b"")
    os.utime(unused, (long_ago, long_ago))
    written(tmp_path)
    unused_too = tmp_path / ("1" * 64)
    unused_too.write_bytes(b"")
    os.utime(unused_too, (long_ago, long_ago))

    written(tmp_path)

    assert not unused.exists()
    assert unused_too.exists()


def test_what_is_read_counts_as_used(tmp_path: Path) -> None:
    file = written(tmp_path)
    os.utime(file, (0, time.time() - KEPT_SECONDS - 1000))

    Cache(str(tmp_path)).read(KEY)

    assert time.time() - file.stat().st_mtime < 1000


def test_the_folder_is_this_users_alone(tmp_path: Path) -> None:
    folder = own_folder(str(tmp_path), os.getuid(), "bytecode")

    assert folder is not None
    assert {Path(folder).stat().st_mode & 0o777, Path(folder).parent.stat().st_mode & 0o777} == {0o700}


@pytest.mark.parametrize("name", ["", "bytecode"])
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o750])
def test_a_folder_that_others_may_enter_is_not_used(tmp_path: Path, name: str, mode: int) -> None:
    own_folder(str(tmp_path), os.getuid(), "bytecode")
    (tmp_path / f"dagbranch-{os.getuid()}" / name).chmod(mode)

    assert own_folder(str(tmp_path), os.getuid(), "bytecode") is None


@pytest.mark.parametrize("name", ["", "bytecode"])
def test_a_link_to_a_folder_is_not_used(tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    own_folder(str(tmp_path), os.getuid(), "files")
    link = tmp_path / f"dagbranch-{os.getuid()}" / name
    if not name:
        link.rename(tmp_path / "moved")
    link.symlink_to(elsewhere, target_is_directory=True)

    assert own_folder(str(tmp_path), os.getuid(), "bytecode") is None


def test_a_folder_of_another_user_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "dagbranch-12345").mkdir(mode=0o700)

    assert own_folder(str(tmp_path), 12345, "bytecode") is None


def test_where_no_folder_can_be_made_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert own_folder(str(tmp_path / "file"), os.getuid(), "bytecode") is None
