"""What in a repository reaches for the server's dags folder, or is loaded from there alone: told at packaging."""

from __future__ import annotations

import ast
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Final

from dagbranch.domain.syntax import UNREADABLE, parsed

# `/usr/local/airflow/dags/…`, but neither `s3://bucket/dags/…` nor `team/dags/…`.
_IN_DAGS_FOLDER: Final = re.compile(r"(?<![\w/:.}-])/(?:[\w.-]+/)*dags(?:/[\w./-]*|(?![\w./-]))")
_AIRFLOW_HOME: Final = "AIRFLOW_HOME"
_READ_AS_TEXT: Final = (".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".sh", ".sql")
_ZIP: Final = b"PK\x03\x04"
_SHARED: Final = (
    "that is the server's dags folder, which all environments share; the environment's own files are beside __file__"
)


def warnings_about_servers_files(files: Mapping[str, bytes]) -> Iterator[str]:
    """By file and line, with what to do instead."""
    for path in sorted(files):
        source = files[path]
        if path.endswith(".py"):
            if b"dags_folder" in source.lower():
                yield f"{path}: asks for Airflow's dags_folder: {_SHARED}"
            elif b"dags" in source and (b"/dags" in source or _AIRFLOW_HOME.encode() in source):
                yield from (f"{path}:{line}: has {text}: {_SHARED}" for line, text in _in_python(source))
        elif path.endswith(_READ_AS_TEXT) and b"/dags" in source:
            yield from (f"{path}:{line}: has {text}: {_SHARED}" for line, text in _in_text(source))
        elif source.startswith(_ZIP) and _has_modules(source):
            yield (
                f"{path}: a zip with modules at its root: Airflow loads DAGs from there in a plain dags folder, "
                "an environment does not; put the modules into the folder"
            )


def _in_python(source: bytes) -> Iterator[tuple[int, str]]:
    """What the code says, not what its documentation says."""
    try:
        tree = parsed(source)
    except UNREADABLE:
        return
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
    home = [line for line, text in sorted(texts) if text == _AIRFLOW_HOME]
    if home and any(text.strip("/").partition("/")[0] == "dags" for _, text in texts):
        yield home[0], f"{_AIRFLOW_HOME}, and joins it with 'dags'"
    for line, text in sorted(texts):
        if found := _IN_DAGS_FOLDER.search(text):
            yield line, f"the path {found[0]!r}"


def _in_text(source: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.decode(errors="replace").splitlines(), start=1):
        if found := _IN_DAGS_FOLDER.search(line):
            yield number, f"the path {found[0]!r}"


def _has_modules(content: bytes) -> bool:
    """By the table of contents: nothing of a pull request's zip is unpacked for this."""
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    return any(name.endswith(".py") and "/" not in name for name in names)
