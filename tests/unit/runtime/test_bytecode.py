"""Compiled code that is kept between processes."""

from __future__ import annotations

import marshal
import os
import tempfile
from pathlib import Path
from types import FunctionType

import pytest

from dagbranch.runtime import bytecode, cache
from dagbranch.runtime.bytecode import code_of

SOURCE = b"def value():\n    return 'as written'\n"
FILE = "/dags/feature1/x.py"


@pytest.fixture
def kept() -> Path:
    """Where the code is kept, in the temporary folder that each test of the runtime has to itself."""
    return Path(tempfile.gettempdir()) / f"dagbranch-{os.getuid()}" / "bytecode"


def value_of(source: bytes = SOURCE, file: str = FILE) -> str:
    namespace: dict[str, object] = {}
    exec(code_of(source, file), namespace)
    value = namespace["value"]
    assert isinstance(value, FunctionType)
    return f"{value()} {value.__code__.co_filename}"


def entries(kept: Path) -> list[Path]:
    return sorted(file for file in kept.iterdir() if not file.name.startswith("."))


def test_code_is_compiled_once_and_kept(kept: Path) -> None:
    first = value_of()
    [entry] = entries(kept)
    before = entry.stat()

    again = value_of()

    assert first == again == f"as written {FILE}"
    assert entry.stat().st_ino == before.st_ino


def test_another_source_or_file_has_code_of_its_own(kept: Path) -> None:
    value_of()

    assert value_of(SOURCE.replace(b"written", b"changed")) == f"as changed {FILE}"
    assert value_of(file="/dags/feature2/x.py") == "as written /dags/feature2/x.py"
    assert len(entries(kept)) == 3


def test_poisoned_code_is_not_executed(kept: Path) -> None:
    value_of()
    [entry] = entries(kept)
    poison = marshal.dumps(compile("raise SystemExit('poisoned')", FILE, "exec"))
    entry.write_bytes(entry.read_bytes()[: -len(poison)] + poison)

    assert value_of() == f"as written {FILE}"


def test_truncated_code_is_compiled_and_kept_anew(kept: Path) -> None:
    value_of()
    [entry] = entries(kept)
    entry.write_bytes(entry.read_bytes()[:-1])

    assert value_of() == f"as written {FILE}"
    assert cache.Cache(str(kept)).read(bytes.fromhex(entry.name)) is not None


def test_code_of_another_source_under_this_ones_name_is_not_executed(kept: Path) -> None:
    value_of()
    [own] = entries(kept)
    value_of(SOURCE.replace(b"written", b"changed"))
    [other] = [entry for entry in entries(kept) if entry != own]
    other.replace(own)

    assert value_of() == f"as written {FILE}"


def test_a_folder_that_others_may_write_to_is_neither_read_nor_written(kept: Path) -> None:
    value_of()
    [entry] = entries(kept)
    entry.unlink()
    kept.chmod(0o777)
    cache.cache_of.cache_clear()

    assert value_of() == f"as written {FILE}"
    assert entries(kept) == []


def test_without_a_temporary_folder_code_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    assert value_of() == f"as written {FILE}"


def test_a_mistake_in_the_source_is_told_with_its_line(kept: Path) -> None:
    for _ in range(2):
        with pytest.raises(SyntaxError) as told:
            code_of(b"x = 1\nif\n", FILE)

        assert (told.value.filename, told.value.lineno) == (FILE, 2)
    assert not kept.exists() or entries(kept) == []


def test_another_version_of_python_has_code_of_its_own(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value_of()
    monkeypatch.setattr(bytecode, "MAGIC_NUMBER", b"else")

    value_of()

    assert len(entries(kept)) == 2
