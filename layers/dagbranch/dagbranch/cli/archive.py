"""``dagbranch name`` and ``dagbranch archive``: an environment's name, and what is uploaded for it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dagbranch.cli.arguments import Ended, command, pull_number, repository_name, whole_commit
from dagbranch.cli.sources import add_index, read
from dagbranch.domain.naming import RELEASE, SourceArchiveKey, environment_name
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.source_archive import PIPELINE_FILE, source_digest, write_canonical_zip
from dagbranch.errors import SourceError


def add_to(commands: Any) -> None:
    name = command(commands, "name", _name, "print the name of a branch's environment")
    name.add_argument("branch", metavar="BRANCH")
    name.add_argument("--pull-number", type=pull_number, metavar="N")

    archive = command(commands, "archive", _archive, "make the canonical source archive and print its digest")
    archive.add_argument("source", type=Path, metavar="SOURCE")
    archive.add_argument("--output", type=Path, required=True, metavar="FILE")
    add_index(archive)
    upload = archive.add_argument_group(
        "for an upload", "where CI puts the archive in the source bucket: its key is printed instead of its digest"
    )
    upload.add_argument("--repository", type=repository_name, metavar="OWNER/NAME")
    upload.add_argument("--commit", type=whole_commit, metavar="SHA", help="of the pull request's head, not its merge")
    kinds = upload.add_mutually_exclusive_group()
    kinds.add_argument("--pull-number", type=pull_number, metavar="N", help="for a pull request's environment")
    kinds.add_argument("--release", action="store_true", help="for the first release lane: of the default branch")


def _name(options: argparse.Namespace) -> Ended:
    name = environment_name(options.branch, options.pull_number)
    return Ended({"environment": name}, name)


def _archive(options: argparse.Namespace) -> Ended:
    number = _number(options)
    files = read(options)
    if number is not None and parse_pipeline_file(files.get(PIPELINE_FILE)).archive != "uploaded":
        raise SourceError(f"{PIPELINE_FILE}: archive: uploaded is missing: dagbranch would make an archive of its own")
    archive = write_canonical_zip(files)
    digest = source_digest(archive)
    result = {"archive": str(options.output), "source_digest": digest}
    if number is not None:
        result["key"] = str(SourceArchiveKey(options.repository, number, options.commit, digest))
    options.output.write_bytes(archive)
    return Ended(result, result.get("key", digest))


def _number(options: argparse.Namespace) -> int | None:
    """Whose archive it is, in the key; None where nobody asks for one. Raises SourceError where only a part is told."""
    number = RELEASE if options.release else options.pull_number
    given = [options.repository, options.commit, number]
    if any(one is None for one in given) and any(one is not None for one in given):
        raise SourceError("a key takes --repository, --commit, and --pull-number or --release")
    return number
