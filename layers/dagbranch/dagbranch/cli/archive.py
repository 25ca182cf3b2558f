"""``dagbranch name`` and ``dagbranch archive``: an environment's name, and what is uploaded for it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dagbranch.cli.arguments import Ended, command, pull_number
from dagbranch.cli.sources import add_index, read
from dagbranch.domain.naming import environment_name
from dagbranch.domain.source_archive import source_digest, write_canonical_zip


def add_to(commands: Any) -> None:
    name = command(commands, "name", _name, "print the name of a branch's environment")
    name.add_argument("branch", metavar="BRANCH")
    name.add_argument("--pull-number", type=pull_number, metavar="N")

    archive = command(commands, "archive", _archive, "make the canonical source archive and print its digest")
    archive.add_argument("source", type=Path, metavar="SOURCE")
    archive.add_argument("--output", type=Path, required=True, metavar="FILE")
    add_index(archive)


def _name(options: argparse.Namespace) -> Ended:
    name = environment_name(options.branch, options.pull_number)
    return Ended({"environment": name}, name)


def _archive(options: argparse.Namespace) -> Ended:
    archive = write_canonical_zip(read(options))
    options.output.write_bytes(archive)
    digest = source_digest(archive)
    return Ended({"archive": str(options.output), "source_digest": digest}, digest)
