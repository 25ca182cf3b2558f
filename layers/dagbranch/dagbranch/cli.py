"""The ``dagbranch`` command: the same core as the functions, for people and for CI, without AWS."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NoReturn

from dagbranch import __version__
from dagbranch.adapters.app_registration import make_app
from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.adapters.source_folders import read_source
from dagbranch.adapters.wheels import DEFAULT_INDEX, PipIndex, WheelFolder
from dagbranch.domain import packaging
from dagbranch.domain.artifacts import Artifact, artifacts_of
from dagbranch.domain.data_plan import DataPlan, plan_data_environment
from dagbranch.domain.declared_base import implied_base, parse_base
from dagbranch.domain.declared_uses import uses_in
from dagbranch.domain.detection import Detected, detect, pipeline_sources
from dagbranch.domain.naming import (
    CONFIGURATION_FOLDER,
    LANES,
    PREVIEW,
    environment_name,
    is_commit_sha,
    is_environment_name,
)
from dagbranch.domain.pipeline_file import parse_pipeline_file, told_with_lines, with_lines
from dagbranch.domain.requirements import required
from dagbranch.domain.schema_pairs import schema_pairs
from dagbranch.domain.selection import select_modules
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits, source_digest, write_canonical_zip
from dagbranch.domain.wanted_data import Judgement, wanted_data
from dagbranch.domain.wheels import unpack_wheels, with_wheels
from dagbranch.errors import DagbranchError, SourceError

_BAD_INPUT: Final = 2
_LOCAL: Final = "local/local"  # whose an environment is that no pull request asked for


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; bad input ends in one line on standard error and exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        result, text = options.run(options)
    except (DagbranchError, OSError) as error:
        print(f"dagbranch: {' '.join(str(error).split())}", file=sys.stderr)
        return _BAD_INPUT
    print(json.dumps(result) if options.json else text)
    return 0


def _name(options: argparse.Namespace) -> tuple[Mapping[str, Any], str]:
    name = environment_name(options.branch, options.pull_number)
    return {"environment": name}, name


def _archive(options: argparse.Namespace) -> tuple[Mapping[str, Any], str]:
    archive = write_canonical_zip(_source(options))
    options.output.write_bytes(archive)
    digest = source_digest(archive)
    return {"archive": str(options.output), "source_digest": digest}, digest


def _source(options: argparse.Namespace) -> dict[str, bytes]:
    """A source archive as it is; a folder with the wheels that it requires."""
    source: Path = options.source
    files, limits = read_source(source), Limits()
    if source.is_file():
        return files
    requirements = required(files, parse_pipeline_file(files.get(PIPELINE_FILE)).requirements)
    index = WheelFolder(options.wheels) if options.wheels else PipIndex(options.index_url)
    return with_wheels(files, index.wheels(requirements, limits), limits)


def _package(options: argparse.Namespace) -> tuple[Mapping[str, Any], str]:
    environment = _checked_environment(options.environment)
    if not is_commit_sha(options.commit):
        raise SourceError(f"--commit {options.commit}: expected 7 to 40 hexadecimal digits of a commit")
    files = _source(options)
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
        repository=_LOCAL,
        pull_number=None,
        head_sha=options.commit,
        source_digest=digest,
        settings=pipeline_file.settings(options.lane).model_dump(exclude_none=True),
        schemas=pipeline_file.schema_names(options.lane, environment),
        selected=selection.selected,
        artifacts=uris,
    )
    beside_zip = packaging.files_beside(packaged, pipeline_file.unpacked_copy)
    zip_file = copy.with_name(f"{environment}.zip")
    if zip_file.exists():
        packaging.read_manifest(zip_file.read_bytes())  # raises where it is not ours to replace
    beside_zip = {**beside_zip, **job_code, f"{CONFIGURATION_FOLDER}/{digest}.json": configuration}
    _write_copy(copy, beside_zip)
    _write_at_once(zip_file, packaged.archive)
    # After the zip: until then an Airflow at work reads the last one's configuration.
    _drop_others(copy, beside_zip)
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
    return result, "\n".join([f"{zip_file}  {packaged.sha256}", *selection.shown, *counts, *warnings])


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


def _plan(options: argparse.Namespace) -> tuple[Mapping[str, Any], str]:
    environment = _checked_environment(options.environment)
    files = read_source(options.source)
    with with_lines(files.get(PIPELINE_FILE)):
        plan = _data_plan(files, environment, options.base)
    statements, warnings = (plan.everything(), plan.warnings) if plan else ((), ())
    listed = [{"sql": one.sql, "writes": list(one.writes), "reads": list(one.reads)} for one in statements]
    told = [told_with_lines(one, files.get(PIPELINE_FILE)) for one in warnings]
    return {"environment": environment, "statements": listed}, "\n".join(
        [*(f"-- {line}" for one in told for line in one.splitlines()), *(f"{one.sql};" for one in statements)]
    )


def _data_plan(files: Mapping[str, bytes], environment: str, base_file: Path | None) -> DataPlan | None:
    """What would run where nothing of the environment stands yet; None where no data is declared."""
    pipeline_file = parse_pipeline_file(files.get(PIPELINE_FILE))
    specification = pipeline_file.data_of(PREVIEW)
    if specification is None:
        return None
    suffix = pipeline_file.table_suffix(PREVIEW)
    pairs = schema_pairs(specification, environment, suffix)
    base = implied_base(specification, pairs) if base_file is None else parse_base(base_file.read_bytes())
    judgement = Judgement(uses=uses_in(files, pipeline_file))
    base.check_columns(wanted_data(specification, pairs, base.schemas, judgement)[0])
    return plan_data_environment(
        specification,
        environment=environment,
        repository=_LOCAL,
        pull_number=0,
        table_suffix=suffix,
        found=base.schemas,
        judgement=judgement,
        knowledge=Knowledge(base.details),
    )


def _detect(options: argparse.Namespace) -> tuple[Mapping[str, Any], str]:
    files = read_source(options.source)
    pipeline_file = parse_pipeline_file(files.get(PIPELINE_FILE))
    detected = detect(pipeline_sources(files, [pipeline_file.dags, *pipeline_file.artifacts.values()]))
    return asdict(detected), _as_table(detected)


def _as_table(detected: Detected) -> str:
    """One line for each place, under the table that is used there."""
    tables = {
        **{f"read     {table}": places for table, places in detected.read.items()},
        **{f"written  {table}": places for table, places in detected.written.items()},
        "unknown": detected.unknown,
    }
    found = {title: places for title, places in tables.items() if places}
    lines = [line for title, places in found.items() for line in (title, *(f"    {one}" for one in places))]
    return "\n".join(lines) or "no table is read or written"


def _app(options: argparse.Namespace) -> tuple[Mapping[str, Any], str]:
    """The two secrets go into files that only their owner reads, in the form in which Secrets Manager takes them."""
    folder: Path = options.output
    with _new_files(folder / "github-app.json", folder / "webhook-secret.txt") as (key, webhook_secret):
        made = make_app(
            name=options.name,
            github_url=options.github_url.rstrip("/"),
            organization=options.organization,
            webhook_url=options.webhook_url,
            show=lambda url: print(f"open {url} in a browser, as somebody who may make Apps there", file=sys.stderr),
        )
        key.write_text(json.dumps({"app_id": made.app_id, "private_key": made.private_key}))
        webhook_secret.write_text(made.webhook_secret)
    result = {"app_id": made.app_id, "page": made.page, "files": [str(key), str(webhook_secret)]}
    return result, f"{key}\n{webhook_secret}\ninstall it: {made.installation_page}"


@contextmanager
def _new_files(*files: Path) -> Iterator[tuple[Path, ...]]:
    """Made before what goes into them, which is handed out once; gone again where it never comes."""
    with ExitStack() as made:
        for file in files:
            file.touch(mode=0o600, exist_ok=False)
            made.callback(file.unlink)
        yield files
        made.pop_all()


def _checked_environment(name: str) -> str:
    if not is_environment_name(name):
        raise SourceError(f"--environment {name}: expected a name of a-z, 0-9 and _, as `dagbranch name` prints it")
    return name


def _write_copy(folder: Path, files: Mapping[str, bytes]) -> None:
    """Brings the folder to these files; what the last package was configured by stays."""
    if folder.is_symlink() or (folder.exists() and not (folder / CONFIGURATION_FOLDER).is_dir()):
        raise SourceError(f"{folder} is there and was not made by dagbranch: it is left alone")
    # First, because a folder of the last commit may be a file of this one.
    _drop_others(folder, files, spared=CONFIGURATION_FOLDER)
    for path, content in files.items():
        _write_at_once(folder / path, content)


def _drop_others(folder: Path, files: Container[str], *, spared: str | None = None) -> None:
    """Removes what is not among these files, and empty folders, but nothing in the folder that is spared."""
    for file in sorted(folder.rglob("*"), reverse=True):
        path = file.relative_to(folder)
        if path.parts[0] == spared:
            continue
        if file.is_symlink() or (file.is_file() and path.as_posix() not in files):
            file.unlink()
        elif file.is_dir() and not any(file.iterdir()):
            file.rmdir()


def _write_at_once(file: Path, content: bytes) -> None:
    """A reader sees the file before or after, never in between; one that does not change is not touched."""
    if file.is_file() and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".dagbranch-")
    with os.fdopen(descriptor, "wb") as output:
        output.write(content)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(file)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong with the arguments in one line; the usage is what --help is for."""

    def error(self, message: str) -> NoReturn:
        self.exit(_BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="dagbranch", description="Environments for pull requests on Airflow.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    name = _command(commands, "name", _name, "print the name of a branch's environment")
    name.add_argument("branch", metavar="BRANCH")
    name.add_argument("--pull-number", type=_pull_number, metavar="N")

    archive = _command(commands, "archive", _archive, "make the canonical source archive and print its digest")
    archive.add_argument("source", type=Path, metavar="SOURCE")
    archive.add_argument("--output", type=Path, required=True, metavar="FILE")
    _add_index(archive)

    package = _command(commands, "package", _package, "make an environment's zip and copy in a dags folder")
    package.add_argument("source", type=Path, metavar="SOURCE", help="a folder, or a source archive")
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
    _add_index(package)

    plan = _command(commands, "plan", _plan, "print the DDL that would run, in order")
    plan.add_argument("source", type=Path, metavar="SOURCE", help="a folder, or a source archive")
    plan.add_argument("--environment", required=True, metavar="NAME")
    plan.add_argument(
        "--base",
        type=Path,
        metavar="FILE",
        help='JSON: {"schema": {"table": "table" or "view"}}, '
        'or in its place {"kind": "table", "columns": {"email": "string"}, "partition_columns": []}',
    )

    detect_ = _command(commands, "detect", _detect, "print which tables the pipelines read and which they write")
    detect_.add_argument("source", type=Path, metavar="SOURCE", help="a folder, or a source archive")

    app = _command(commands, "app", _app, "make the GitHub App, and write its key and its webhook's secret into files")
    app.add_argument("--webhook-url", required=True, metavar="URL", help="the stack's output WebhookUrl")
    app.add_argument("--organization", metavar="NAME", help="whose App it is; without one, your own")
    app.add_argument("--name", default="dagbranch", metavar="NAME", help="unique at GitHub")
    app.add_argument("--github-url", default="https://github.com", metavar="URL", help="of an Enterprise Server")
    app.add_argument("--output", type=Path, default=Path(), metavar="FOLDER", help="where the two files go")
    return parser


def _add_index(command: argparse.ArgumentParser) -> None:
    """Where the wheels of a folder's requirements come from; an archive has its own."""
    places = command.add_mutually_exclusive_group()
    places.add_argument("--index-url", metavar="URL", default=DEFAULT_INDEX, help="the package index of requirements")
    places.add_argument("--wheels", type=Path, metavar="FOLDER", help="requirements that are downloaded already")


def _command(commands: Any, name: str, run: Any, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")
    command.set_defaults(run=run)
    return command


def _pull_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no pull request's number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
