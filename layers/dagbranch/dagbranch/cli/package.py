"""``dagbranch package``: makes an environment's zip, copy and configuration in a dags folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagbranch import __version__
from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.cli.arguments import Ended, add_source, checked_environment, command
from dagbranch.cli.local_files import drop_others, write_at_once, write_copy
from dagbranch.cli.sources import LOCAL, add_index, read
from dagbranch.domain import packaging
from dagbranch.domain.artifacts import Artifact, artifacts_of
from dagbranch.domain.naming import CONFIGURATION_FOLDER, LANES, PREVIEW, is_commit_sha
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.requirements import required
from dagbranch.domain.selection import select_modules
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits, source_digest, write_canonical_zip
from dagbranch.domain.wheels import unpack_wheels
from dagbranch.errors import SourceError


def add_to(commands: Any) -> None:
    package = command(commands, "package", _package, "make an environment's zip and copy in a dags folder")
    add_source(package)
    package.add_argument("--environment", required=True, metavar="NAME")
    package.add_argument("--commit", required=True, metavar="SHA")
    package.add_argument("--output", type=Path, required=True, metavar="DAGS_FOLDER")
    package.add_argument("--lane", choices=LANES, default=PREVIEW)
    package.add_argument(
        "--changed",
        metavar="FILE",
        help="the repository's paths that were changed, one per line, - for standard input: "
        "git diff --name-only --no-renames main...",
    )
    add_index(package)


def _package(options: argparse.Namespace) -> Ended:
    environment = checked_environment(options.environment)
    if not is_commit_sha(options.commit):
        raise SourceError(f"--commit {options.commit}: expected 7 to 40 hexadecimal digits of a commit")
    files = read(options)
    pipeline_file = parse_pipeline_file(files.get(PIPELINE_FILE))
    digest = source_digest(write_canonical_zip(files))
    packaged = packaging.package_dags(
        files,
        dags_folder=pipeline_file.dags,
        source_digest=digest,
        runtime=runtime_modules(),
        version=__version__,
        vendored=unpack_wheels(required(files, pipeline_file.requirements), files, Limits()),
    )
    selection = select_modules(pipeline_file, options.lane, files, _changed_paths(options.changed))
    copy: Path = options.output / environment
    uris, job_code = _job_code(artifacts_of(files, pipeline_file), copy)
    configuration = packaging.configuration(
        environment=environment,
        lane=options.lane,
        repository=LOCAL,
        pull_number=None,
        head_sha=options.commit,
        source_digest=digest,
        settings=pipeline_file.told_settings(options.lane),
        schemas=pipeline_file.schema_names(options.lane, environment),
        selected=selection.selected,
        artifacts=uris,
    )
    beside_zip = packaging.files_beside(packaged, pipeline_file.unpacked_copy)
    zip_file = copy.with_name(f"{environment}.zip")
    if zip_file.exists():
        packaging.read_manifest(zip_file.read_bytes())  # raises where it is not ours to replace
    beside_zip = {**beside_zip, **job_code, f"{CONFIGURATION_FOLDER}/{digest}.json": configuration}
    write_copy(copy, beside_zip)
    write_at_once(zip_file, packaged.archive)
    # After the zip: until then an Airflow at work reads the last one's configuration.
    drop_others(copy, beside_zip)
    result = {
        "environment": environment,
        "zip": str(zip_file),
        "sha256": packaged.sha256,
        "source_digest": digest,
        "copy": str(copy),
        "artifacts": uris,
        "modules": list(packaged.modules),
        "selected": list(selection.shown),
        "warnings": [*packaged.warnings, *selection.warnings],
    }
    hidden = len(selection.modules) - len(selection.shown)
    counts = [f"{len(selection.shown)} of {len(selection.modules)} DAG modules are shown"] if hidden else []
    warnings = [f"warning: {one}" for one in result["warnings"]]
    return Ended(result, "\n".join([f"{zip_file}  {packaged.sha256}", *selection.shown, *counts, *warnings]))


def _changed_paths(file: str | None) -> list[str] | None:
    """The paths in a file, as ``git diff --name-only`` prints them; None where nobody tells them."""
    if file is None:
        return None
    text = sys.stdin.read() if file == "-" else Path(file).read_text()
    return [_unquoted(line) for line in text.splitlines() if line]


def _unquoted(line: str) -> str:
    r"""A path without the quotes and escapes that git gives it: ``"dags/\303\274.py"``."""
    if len(line) < 2 or not line.startswith('"') or not line.endswith('"'):
        return line
    try:
        return line[1:-1].encode().decode("unicode_escape").encode("latin-1").decode()
    except UnicodeError as error:
        raise SourceError(f"--changed: {line} is no path as git prints it") from error


def _job_code(artifacts: Sequence[Artifact], copy: Path) -> tuple[dict[str, str], dict[str, bytes]]:
    """The URIs of job code that lies in the environment's folder, and its files by their path there."""
    folders = {one.name: f"{CONFIGURATION_FOLDER}/artifacts/{one.digest}/{one.name}" for one in artifacts}
    uris = {name: (copy / folder).resolve().as_uri() for name, folder in folders.items()}
    return uris, {f"{folders[one.name]}/{path}": content for one in artifacts for path, content in one.files.items()}
