"""Run by Airflow's own Python: which files of a dags folder each of its modules opens while it is imported.

``traced_reads.py FOLDER …`` prints {folder: {module: [file, …]}}. Each module has a process of its own, forked after
Airflow was imported.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import airflow.models.dag  # noqa: F401 # before the fork: it takes seconds

_LONGEST_IMPORT_SECONDS = 60


def main(folders: list[Path]) -> None:
    found = {
        str(folder): {module: _reads_of(folder / module, folder) for module in _modules(folder)} for folder in folders
    }
    sys.stdout.write(json.dumps(found))


def _modules(folder: Path) -> list[str]:
    sources = {path.relative_to(folder).as_posix(): path.read_bytes().lower() for path in sorted(folder.rglob("*.py"))}
    return [path for path, text in sources.items() if b"airflow" in text and (b"dag" in text or b"asset" in text)]


def _reads_of(module: Path, folder: Path) -> list[str]:
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        os.write(sending, json.dumps(sorted(_traced(module, folder))).encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as answer:
        reads: list[str] = json.load(answer)
    os.waitpid(child, 0)
    return reads


def _traced(module: Path, folder: Path) -> set[str]:
    """Where the module itself stands in a plain dags folder: alone, with the folder on the path."""
    opened: list[str] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str):
            opened.append(os.path.realpath(arguments[0]))

    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    signal.alarm(_LONGEST_IMPORT_SECONDS)
    sys.dont_write_bytecode = True
    sys.path.append(str(folder))
    sys.addaudithook(note)
    try:
        spec = importlib.util.spec_from_file_location(f"unusual_{module.stem}", module)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = loaded
        spec.loader.exec_module(loaded)
    except BaseException:  # noqa: BLE001 # a module that fails has read files until then
        pass
    inside = [Path(path) for path in list(opened) if path.startswith(f"{folder}/")]
    return {
        path.relative_to(folder).as_posix() for path in inside if path.is_file() and "__pycache__" not in path.parts
    }


if __name__ == "__main__":
    main([Path(folder).resolve() for folder in sys.argv[1:]])
