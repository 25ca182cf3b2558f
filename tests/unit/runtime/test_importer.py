"""Imports from memory, beside Python's own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.resources import files as resources
from pathlib import Path

import pytest

from dagbranch.runtime.importer import Importer
from dagbranch.runtime.isolation import Presence


@contextmanager
def environment(root: Path, sources: Mapping[str, str], others: Mapping[str, str] | None = None) -> Iterator[Importer]:
    """The files on disk as a copy has them; the code comes from memory, which the tests make differ."""
    for path, text in {**sources, **(others or {})}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    encoded = {path: text.encode() for path, text in sources.items()}
    importer = Importer(str(root), encoded, [*sources, *(others or {})], lambda _: nullcontext())
    with Presence(importer, f"{root}.zip", {}).in_sight():
        yield importer


def test_code_comes_from_memory_whatever_the_file_on_disk_says(tmp_path: Path) -> None:
    with environment(tmp_path, {"team_a/common.py": "COLOUR = 'blue'\n"}):
        (tmp_path / "team_a" / "common.py").write_text("COLOUR = 'of the next commit'\n")

        module = importlib.import_module("team_a.common")

        assert module.COLOUR == "blue"
        assert module.__file__ == str(tmp_path / "team_a" / "common.py")


def test_nothing_is_left_of_an_environment_that_ended(tmp_path: Path) -> None:
    with environment(tmp_path / "first", {}):
        pass  # the first of a process makes what all of them share, and that stays
    before = (list(sys.path), list(sys.path_hooks), set(sys.modules))

    with environment(tmp_path, {"team_b/__init__.py": "", "team_b/x.py": "", "team_c/y.py": ""}):
        importlib.import_module("team_b.x")
        importlib.import_module("team_c.y")

    assert (sys.path, sys.path_hooks, set(sys.modules)) == before
    assert not any(entry.startswith(str(tmp_path)) for entry in sys.path_importer_cache)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("team_b")


def test_two_environments_after_each_other_have_their_own_modules(tmp_path: Path) -> None:
    colours = []
    for colour in ("blue", "green"):
        with environment(tmp_path / colour, {"team_d/common.py": f"COLOUR = {colour!r}\n"}):
            colours.append(importlib.import_module("team_d.common").COLOUR)

    assert colours == ["blue", "green"]


def test_walks_over_a_package_find_its_modules_and_packages(tmp_path: Path) -> None:
    with environment(tmp_path, {"team_e/__init__.py": "", "team_e/x.py": "", "team_e/sub/__init__.py": ""}):
        package = importlib.import_module("team_e")

        found = [(module.name, module.ispkg) for module in pkgutil.walk_packages(package.__path__, "team_e.")]

    assert sorted(found) == [("team_e.sub", True), ("team_e.x", False)]


def test_resources_and_source_are_found(tmp_path: Path) -> None:
    sources = {"team_f/__init__.py": "", "team_f/x.py": "def answer():\n    return 42\n"}
    with environment(tmp_path, sources, {"team_f/note.txt": "a note", "team_f/data/more.txt": "more"}):
        module = importlib.import_module("team_f.x")

        assert inspect.getsource(module.answer) == "def answer():\n    return 42\n"
        assert resources("team_f").joinpath("note.txt").read_text() == "a note"
        assert resources("team_f.data").joinpath("more.txt").read_text() == "more"


def test_folders_that_code_puts_on_the_path_are_served_however_they_are_written(tmp_path: Path) -> None:
    with environment(tmp_path, {"team_g/deep/x.py": "", "lib_of_g/tool_of_g.py": "NAME = 'tool'\n"}):
        sys.path.insert(0, str(tmp_path / "team_g" / "deep" / ".." / ".." / "lib_of_g"))

        assert importlib.import_module("tool_of_g").NAME == "tool"


def test_a_name_that_python_finds_first_elsewhere_is_not_hidden(tmp_path: Path) -> None:
    with environment(tmp_path, {"json/__init__.py": "raise RuntimeError", "calendar.py": "raise RuntimeError"}):
        assert importlib.import_module("json").dumps({}) == "{}"


def test_a_failing_module_leaves_no_trace_and_shows_its_own_line(tmp_path: Path) -> None:
    with environment(tmp_path, {"x-y.py": "x = 1\nraise ValueError(x)\n"}) as importer:
        with pytest.raises(ValueError, match="1") as caught:
            importer.load_as("private_name_of_x", "x-y.py")

        assert "private_name_of_x" not in sys.modules
    assert caught.traceback[-1].path == tmp_path / "x-y.py"
    assert caught.traceback[-1].lineno == 1


def test_a_source_in_another_encoding_is_read_by_its_own_declaration(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_bytes(b"")
    source = b"# -*- coding: latin-1 -*-\nNAME = 'caf\xe9'\n"
    importer = Importer(str(tmp_path), {"old.py": source}, ["old.py"], lambda _: nullcontext())

    module = importer.load_as("private_name_of_old", "old.py")

    del sys.modules["private_name_of_old"]
    assert module.NAME == "café"
