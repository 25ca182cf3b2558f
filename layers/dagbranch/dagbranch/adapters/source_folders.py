"""A pipelines repository on this machine, as a folder or a source archive: what of it is packaged."""

from __future__ import annotations

from pathlib import Path

from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits, check_path, check_sizes, read_source_archive
from dagbranch.errors import SourceError, UnsafeArchiveError

_NOT_IN_GIT = frozenset({".git", "__pycache__"})


def read_source(source: Path, limits: Limits | None = None) -> dict[str, bytes]:
    """The files by path; links inside of the folder as their targets' content, any other is refused."""
    limits = limits or Limits()
    if source.is_file():
        return read_source_archive(source.read_bytes(), limits)
    if not source.is_dir():
        raise SourceError(f"{source} is no folder and no source archive")
    description = source / PIPELINE_FILE
    pipeline_file = parse_pipeline_file(description.read_bytes() if description.is_file() else None)
    root = source.resolve()
    found = {path: file for path, file in _walk(source, root) if pipeline_file.kept(path)}
    for path in found:
        check_path(path)
    check_sizes({path: file.stat().st_size for path, file in found.items()}, limits)
    return {path: file.read_bytes() for path, file in found.items()}


def _walk(source: Path, root: Path) -> list[tuple[str, Path]]:
    found = []
    for folder, folders, files in source.walk(follow_symlinks=True, on_error=_raise):
        folders[:] = sorted(name for name in folders if name not in _NOT_IN_GIT)
        for file in (folder / name for name in sorted(files)):
            path = file.relative_to(source).as_posix()
            found.append((path, _inside(file, path, root)))
        for name in folders:
            _refuse_loop(folder / name, root)
    return found


def _inside(file: Path, path: str, root: Path) -> Path:
    target = file.resolve()
    if not target.is_relative_to(root) or (file.is_symlink() and file.readlink().is_absolute()):
        raise UnsafeArchiveError(f"the link {path} leads out of the repository")
    if not target.is_file():
        raise UnsafeArchiveError(f"{path} is no regular file")
    return target


def _refuse_loop(folder: Path, root: Path) -> None:
    target = folder.resolve()
    if not target.is_relative_to(root) or (folder.is_symlink() and folder.parent.resolve().is_relative_to(target)):
        raise UnsafeArchiveError(f"the link {folder.name} leads out of the repository, or around in it")


def _raise(error: OSError) -> None:
    raise error
