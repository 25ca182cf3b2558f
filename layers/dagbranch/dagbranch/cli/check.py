"""``dagbranch check``: what is wrong with a pipelines repository, before anything of it is deployed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from dagbranch.adapters.source_folders import read_source
from dagbranch.cli.arguments import Ended, command
from dagbranch.domain.pipeline_check import Findings, check_pipelines
from dagbranch.errors import SourceError

_FOUND_SOMETHING: Final = 1
_AT: Final = re.compile(r"(?P<file>[^:\n]+?)(?::(?P<line>\d+))?: (?P<text>.+)", re.DOTALL)


def add_to(commands: Any) -> None:
    check = command(commands, "check", _check, "check a repository's dagbranch.yaml for every lane, and what it names")
    check.add_argument("folder", type=Path, metavar="FOLDER", nargs="?", default=Path())
    check.add_argument("--strict", action="store_true", help="end with status 1 for warnings too")
    check.add_argument("--format", choices=("text", "github"), default="text", help="github: annotations of a workflow")


def _check(options: argparse.Namespace) -> Ended:
    findings = _findings(options.folder)
    told = {"error": findings.errors, "warning": findings.warnings}
    located = {kind: [_located(line, options.folder) for line in lines] for kind, lines in told.items()}
    is_wrong = findings.errors or (options.strict and findings.warnings)
    text = _annotations(located) if options.format == "github" else _text(told)
    return Ended({f"{kind}s": found for kind, found in located.items()}, text, _FOUND_SOMETHING if is_wrong else 0)


def _findings(folder: Path) -> Findings:
    if not folder.exists():
        raise SourceError(f"{folder} is no folder and no source archive")
    try:
        files = read_source(folder)
    except SourceError as error:
        return Findings(errors=str(error).splitlines())
    return check_pipelines(files)


def _located(line: str, folder: Path) -> dict[str, str | int]:
    """``file:line: text`` in its parts; a file is there only where the text begins with one of the folder's."""
    found = _AT.fullmatch(line)
    if found is None or not (folder / found["file"]).is_file():
        return {"message": line}
    place: dict[str, str | int] = {"file": (folder / found["file"]).as_posix()}
    return place | ({"line": int(found["line"])} if found["line"] else {}) | {"message": found["text"]}


def _text(told: Mapping[str, Iterable[str]]) -> str:
    lines = [f"{kind}: {line}" for kind, found in told.items() for line in found]
    return "\n".join(lines) or "nothing is wrong"


def _annotations(located: Mapping[str, Iterable[Mapping[str, str | int]]]) -> str:
    """As a workflow's log has to have them: GitHub, "Workflow commands for GitHub Actions"."""
    return "\n".join(
        f"::{kind}{_properties(one)}::{_escaped(str(one['message']))}"
        for kind, found in located.items()
        for one in found
    )


def _properties(located: Mapping[str, str | int]) -> str:
    named = {key: _escaped(str(value)) for key, value in located.items() if key != "message"}
    listed = ",".join(f"{key}={value.replace(':', '%3A').replace(',', '%2C')}" for key, value in named.items())
    return listed and f" {listed}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
