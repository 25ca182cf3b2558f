"""How a stub brings the runtime of its own zip into a process, in processes that come one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dagbranch.domain.source_archive import write_canonical_zip
from local.toolchain import ROOT

RUNTIME = ROOT / "layers" / "dagbranch" / "dagbranch" / "runtime"
LOAD = b"from _dagbranch.answer import ANSWER\nimport _dagbranch.cache\n"
IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
import _dagbranch.start as start
start.time.time = lambda: time.monotonic() + float(sys.argv[2])
print(start.runtime_of(sys.argv[1]).ANSWER)
"""


@pytest.fixture
def zip_path(tmp_path: Path) -> Path:
    file = tmp_path / "feature1.zip"
    file.write_bytes(zip_with(b"ANSWER = 1\n"))
    return file


def zip_with(answer: bytes) -> bytes:
    """A runtime whose ``load`` tells what it finds in another module."""
    needed = ("start.py", "private_files.py", "cache.py")
    real = {name: (RUNTIME / name).read_bytes().replace(b"dagbranch.runtime", b"_dagbranch") for name in needed}
    files = {"__init__.py": b"", "load.py": LOAD, "answer.py": answer, **real}
    return write_canonical_zip({f"_dagbranch/{name}": source for name, source in files.items()})


def answer_of(zip_path: Path, *, seconds_later: float = 1000) -> str:
    clock = time.time() - time.monotonic() + seconds_later
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, zip_path, str(clock)],
        env={"TMPDIR": str(zip_path.parent)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def kept(zip_path: Path) -> list[Path]:
    folder = zip_path.parent / f"dagbranch-{os.getuid()}" / "runtime"
    return [file for file in folder.glob("*") if not file.name.startswith(".")]


@pytest.mark.slow
def test_what_one_process_compiled_the_next_one_uses(zip_path: Path) -> None:
    first = answer_of(zip_path)
    [entry] = kept(zip_path)
    before = entry.stat()

    again = answer_of(zip_path)

    assert first == again == "1"
    assert entry.stat().st_ino == before.st_ino


def test_another_zip_in_its_place_has_its_own_runtime(zip_path: Path) -> None:
    answer_of(zip_path)
    other = zip_path.with_name("other.zip")
    other.write_bytes(zip_with(b"ANSWER = 2\n"))
    other.replace(zip_path)

    assert answer_of(zip_path) == "2"


@pytest.mark.slow
def test_a_zip_that_was_written_over_has_its_own_runtime(zip_path: Path) -> None:
    answer_of(zip_path)
    before = zip_path.stat()
    while zip_path.stat().st_ctime_ns == before.st_ctime_ns:  # the file system's clock may not have ticked yet
        zip_path.write_bytes(zip_with(b"ANSWER = 2\n"))
        os.utime(zip_path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert answer_of(zip_path) == "2"


def test_nothing_is_kept_of_a_zip_that_is_new(zip_path: Path) -> None:
    assert answer_of(zip_path, seconds_later=0) == "1"

    assert kept(zip_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"", b"poison"])
def test_a_file_that_was_damaged_is_not_executed(zip_path: Path, damage: bytes) -> None:
    answer_of(zip_path)
    [entry] = kept(zip_path)
    content = entry.read_bytes()
    entry.write_bytes(content[: -len(b"poison")] + damage)

    assert answer_of(zip_path) == "1"


@pytest.mark.slow
def test_a_folder_that_others_may_write_to_is_not_used(zip_path: Path) -> None:
    answer_of(zip_path)
    [entry] = kept(zip_path)
    entry.unlink()
    entry.parent.chmod(0o777)

    assert answer_of(zip_path) == "1"
    assert kept(zip_path) == []
