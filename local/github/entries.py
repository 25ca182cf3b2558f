"""What a commit can hold: files, executables, links and submodules, and the stream in which git takes them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class Link:
    """A symbolic link, to whatever it says."""

    target: str


@dataclass(frozen=True)
class Submodule:
    """The commit of another repository; without a ``.gitmodules`` beside it git keeps the bare link."""

    sha: str


type Entry = bytes | File | Link | Submodule
type Changes = Mapping[str, Entry | None]
"""By path, what is put there; ``None`` deletes."""


def entries_of_folder(folder: Path) -> dict[str, Entry]:
    """Every file and link under ``folder``, links not followed, ``.git`` and bytecode left out."""
    entries: dict[str, Entry] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if {".git", "__pycache__"} & set(relative.parts):
            continue
        if path.is_symlink():
            entries[relative.as_posix()] = Link(str(path.readlink()))
        elif path.is_file():
            entries[relative.as_posix()] = File(path.read_bytes(), executable=os.access(path, os.X_OK))
    return entries


def fast_import_lines(changes: Changes) -> Iterator[bytes]:
    """The ``M`` and ``D`` commands of ``git fast-import`` for these changes."""
    for path, entry in changes.items():
        if entry is None:
            yield b"D " + _quoted(path) + b"\n"
        elif isinstance(entry, Submodule):
            yield b"M 160000 " + entry.sha.encode() + b" " + _quoted(path) + b"\n"
        else:
            mode, content = _mode_and_content(entry)
            yield b"M " + mode + b" inline " + _quoted(path) + b"\n"
            yield data(content)


def data(content: bytes) -> bytes:
    return b"data %d\n" % len(content) + content + b"\n"


def _mode_and_content(entry: bytes | File | Link) -> tuple[bytes, bytes]:
    if isinstance(entry, Link):
        return b"120000", entry.target.encode()
    if isinstance(entry, File):
        return b"100755" if entry.executable else b"100644", entry.content
    return b"100644", entry


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode()
