"""One environment at a time in a process: what is on ``sys.path`` and in ``sys.modules`` while its modules load."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from dagbranch.runtime.importer import Importer, location_of


@contextmanager
def alone(importer: Importer, dags_folder: str, zip_path: str) -> Iterator[None]:
    """Ends every other environment in this process and gives the place of the dags folder to this one.

    While modules load, the server's own dags folder is out of sight, as it would be elsewhere.
    """
    for hook in [hook for hook in sys.path_hooks if getattr(hook, "dagbranch_environment", False)]:
        hook.uninstall()  # type: ignore[attr-defined] # what carries the mark has the method
    # First of all, because a namespace package's folders follow every change of sys.path.
    aside = _modules_below(dags_folder, but_not=zip_path)
    position = _position(dags_folder)
    hidden = sys.path[position : position + 1]
    sys.path[position : position + 1] = [importer.root]
    importer.install()
    for name in aside:
        del sys.modules[name]
    try:
        yield
    finally:
        after = sys.path.index(importer.root) + 1 if importer.root in sys.path else len(sys.path)
        sys.path[after:after] = hidden
        _bring_back(aside, importer)


@contextmanager
def own_path_entries(importer: Importer, kept: list[str]) -> Iterator[None]:
    """What one DAG module adds to ``sys.path`` ends with it, and goes to ``kept`` for its tasks' later imports.

    Modules that were found only through such an entry (``config`` beside each DAG file) are forgotten,
    so that the next DAG module finds its own.
    """
    path, known = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        kept.extend(entry for entry in sys.path if entry not in path and entry not in kept)
        sys.path[:] = path
        for name in set(sys.modules) - known:
            if importer.owns(sys.modules[name]) and not _is_natural(name, sys.modules[name], importer):
                del sys.modules[name]


def natural_name(path: str) -> str:
    """The dotted name of a source file from the root of the dags folder."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_natural(name: str, module: ModuleType, importer: Importer) -> bool:
    path = importer.relative(location_of(module) or "")
    return path is None or natural_name(path) == name


def _position(dags_folder: str) -> int:
    normal = os.path.normpath(dags_folder)
    return next((i for i, entry in enumerate(sys.path) if os.path.normpath(entry) == normal), len(sys.path))


def _modules_below(dags_folder: str, *, but_not: str) -> dict[str, ModuleType]:
    inside = os.path.join(dags_folder, "")  # noqa: PTH118 - a prefix with its separator
    ours = os.path.join(but_not, "")  # noqa: PTH118 - a prefix with its separator
    found = {}
    for name, module in list(sys.modules.items()):
        location = location_of(module) or ""
        if location.startswith(inside) and not location.startswith(ours):
            found[name] = module
    return found


def _bring_back(aside: dict[str, ModuleType], importer: Importer) -> None:
    """The server's modules take their names back: its DAG files may be next in this process."""
    tops = {name.partition(".")[0] for name in aside}
    ours = [name for name, module in list(sys.modules.items()) if importer.owns(module)]
    for name in ours:
        if name.partition(".")[0] in tops:
            del sys.modules[name]
    sys.modules.update(aside)
