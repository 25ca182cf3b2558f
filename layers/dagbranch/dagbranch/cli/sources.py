"""A pipelines repository as the commands take it: a folder with what it requires, or a source archive."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from dagbranch.adapters.source_folders import read_source
from dagbranch.adapters.wheels import DEFAULT_INDEX, PipIndex, WheelFolder
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.requirements import required
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits
from dagbranch.domain.wheels import with_wheels

LOCAL: Final = "local/local"  # whose an environment is that no pull request asked for


def read(options: argparse.Namespace) -> dict[str, bytes]:
    """A source archive as it is; a folder with the wheels that it requires."""
    source: Path = options.source
    files, limits = read_source(source), Limits()
    if source.is_file():
        return files
    requirements = required(files, parse_pipeline_file(files.get(PIPELINE_FILE)).requirements)
    index = WheelFolder(options.wheels) if options.wheels else PipIndex(options.index_url)
    return with_wheels(files, index.wheels(requirements, limits), limits)


def add_index(command: argparse.ArgumentParser) -> None:
    """Where the wheels of a folder's requirements come from; an archive has its own."""
    places = command.add_mutually_exclusive_group()
    places.add_argument("--index-url", metavar="URL", default=DEFAULT_INDEX, help="the package index of requirements")
    places.add_argument("--wheels", type=Path, metavar="FOLDER", help="requirements that are downloaded already")
