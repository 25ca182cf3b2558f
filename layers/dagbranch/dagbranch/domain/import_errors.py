"""An import error of Airflow in its author's words: the file in the repository, the line and what went wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dagbranch.domain.airflow_listing import ImportFailure
from dagbranch.domain.packaging import NO_MANIFEST, Manifest
from dagbranch.domain.wheels import VENDORED

# The runtime adds this line to each import error, so that an error of the last commit is not told of the new one.
COMMIT_NOTE: Final = re.compile(r"dagbranch: environment \S+, (commit:[0-9a-f]{7})")
# Airflow tells the last two frames (dagbag_import_error_traceback_depth): perhaps none of the module itself.
_FRAME: Final = re.compile(r'\s*File "([^"]+)", line (\d+)')
_EXTRACTION: Final = re.compile(r"/.*/[0-9a-f]{64}/")  # of the zip, where the copy beside it is not of this version
_LONGEST: Final = 500  # an exception's text may be a whole answer of some server
_MOST: Final = 50


def told(failures: Sequence[ImportFailure], manifest: Manifest = NO_MANIFEST) -> tuple[str, ...]:
    """One line for each, ``dags/qu/test_dag.py:12: ImportError: …``, as many as anybody reads."""
    lines = [_in_words(failure, manifest) for failure in failures[:_MOST]]
    rest = len(failures) - len(lines)
    return (*lines, *([f"… and {rest} more modules that cannot be imported"] if rest else []))


def _in_words(failure: ImportFailure, manifest: Manifest) -> str:
    """The innermost line of the repository's own code, which may be in a file that the module imports."""
    lines = [line for line in failure.stack_trace.strip().splitlines() if not COMMIT_NOTE.search(line)]
    stub = failure.file_location.rpartition("/")[2]
    module = manifest.modules.get(stub, stub)
    path, number = _place(lines, module, failure.file_location.removesuffix(f".zip/{stub}"))
    imported = "" if path == module else f" (imported by {manifest.dags_folder}{module})"
    folder = manifest.dags_folder if stub in manifest.modules else ""
    return f"{folder}{path}{f':{number}' if number else ''}: {_error(lines)}{imported}"


def _place(lines: Sequence[str], module: str, copy: str) -> tuple[str, str | None]:
    """The last frame in a file of the repository, by its path in the dags folder; None for a line that nobody tells."""
    frames = [match.groups() for line in lines if (match := _FRAME.match(line))]
    own = [(path, number) for file, number in frames if (path := _path_in_sources(file, module, copy))]
    return own[-1] if own else (module, None)


def _path_in_sources(file: str, module: str, copy: str) -> str | None:
    """``copy``: the folder beside the zip, which has its files, unless an extraction of the zip's stands for it."""
    if file.endswith(f"/{module}"):
        return module
    extraction = _EXTRACTION.match(file)
    root = extraction[0] if extraction else f"{copy}/"
    path = file.removeprefix(root)
    return None if path == file or path.startswith(VENDORED) else path


def _error(lines: Sequence[str]) -> str:
    """The line that names the exception: the first one behind the last frame that is not indented."""
    last = max((index for index, line in enumerate(lines) if _FRAME.match(line)), default=-1)
    named = [line for line in lines[last + 1 :] if line.strip() and not line[0].isspace()]
    text = (named[0] if named and last >= 0 else lines[-1] if lines else "cannot be imported").strip()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
