"""The runtime's own sources, read from the installed package: what travels in every packaged DAG."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable


def runtime_modules() -> dict[str, bytes]:
    """Relative path → source of every module of ``dagbranch.runtime``."""
    return {path: module.read_bytes() for path, module in _modules(files("dagbranch") / "runtime", "")}


def _modules(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _modules(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".py", ".pyi")) or entry.name == "py.typed":
            yield f"{prefix}{entry.name}", entry
