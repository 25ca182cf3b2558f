"""``dagbranch verify``: whether a deployed zip is what its source archive makes, and if not, why."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dagbranch import __version__
from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.cli.arguments import Ended, command
from dagbranch.domain.packaging import Manifest, package_dags, read_manifest
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.requirements import required
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits, read_source_archive, source_digest
from dagbranch.domain.wheels import unpack_wheels
from dagbranch.domain.zip_comparison import first_difference

_DIFFERS: Final = 1


@dataclass(frozen=True)
class _Comparison:
    """``found``: the zip that was given; ``made``: the one that this version makes of the archive."""

    found: bytes
    made: bytes
    manifest: Manifest
    digest: str

    def explanations(self) -> Iterator[str]:
        if self.manifest.dagbranch != __version__:
            told = f"dagbranch {self.manifest.dagbranch} made it, and this is {__version__}"
            yield f"{told}: ask that version, each makes zips of its own"
        if self.manifest.source_digest != self.digest:
            yield f"it says that it was made of {self.manifest.source_digest}, and this archive is {self.digest}"
        yield f"the first difference is in {first_difference(self.found, self.made)}"


def add_to(commands: Any) -> None:
    verify = command(commands, "verify", _verify, "prove that a deployed zip was made of a source archive")
    verify.add_argument("zip", type=Path, metavar="ZIP", help="a packaged DAG, from the MWAA bucket's dags folder")
    verify.add_argument("archive", type=Path, metavar="ARCHIVE", help="a source archive, from a source bucket")


def _verify(options: argparse.Namespace) -> Ended:
    found, archive = options.zip.read_bytes(), options.archive.read_bytes()
    made, digest = _made_of(archive), source_digest(archive)
    comparison = _Comparison(found, made, read_manifest(found), digest)
    is_same = found == made
    result = {
        "same": is_same,
        "sha256": _sha256(found),
        "expected_sha256": _sha256(made),
        "source_digest": digest,
        "made_of": comparison.manifest.source_digest,
        "made_by": comparison.manifest.dagbranch,
        "differences": [] if is_same else list(comparison.explanations()),
    }
    if is_same:
        return Ended(result, f"the same: {_sha256(found)}, made of {digest} by dagbranch {__version__}")
    lines = [f"not the same: the zip is {_sha256(found)}, and the archive makes {_sha256(made)}"]
    return Ended(result, "\n".join([*lines, *comparison.explanations()]), _DIFFERS)


def _made_of(archive: bytes) -> bytes:
    limits = Limits()
    files = read_source_archive(archive, limits)
    pipeline_file = parse_pipeline_file(files.get(PIPELINE_FILE))
    return package_dags(
        files,
        dags_folder=pipeline_file.dags,
        source_digest=source_digest(archive),
        runtime=runtime_modules(),
        version=__version__,
        vendored=unpack_wheels(required(files, pipeline_file.requirements), files, limits),
    ).archive


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
