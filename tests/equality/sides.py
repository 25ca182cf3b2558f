"""The sides of a comparison on disk: the plain dags folder, and the packaged environment in a preview and a release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.adapters.source_folders import read_source
from dagbranch.domain.packaging import configuration, package_dags, read_manifest
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.source_archive import PIPELINE_FILE

ENVIRONMENT = "equality1"
COMMIT = 40 * "0"
_DIGEST = 64 * "0"


@dataclass(frozen=True)
class Side:
    """Where one side's files are. ``modules``: DAG module by the stub in the zip, none for the plain folder.

    ``rewrites``: whether ids get the environment's name; ``warnings``: what packaging told.
    """

    dags: Path
    modules: Mapping[str, str] = field(default_factory=dict)
    rewrites: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def is_packaged(self) -> bool:
        return bool(self.modules)

    @property
    def root(self) -> Path:
        """The folder that code takes for the dags folder."""
        return self.dags / ENVIRONMENT if self.is_packaged else self.dags

    @property
    def zip_file(self) -> Path:
        return self.dags / f"{ENVIRONMENT}.zip"


@dataclass(frozen=True)
class Sides:
    plain: Side
    preview: Side
    release: Side


def make_sides(source: Path, home: Path) -> Sides:
    """``source``: a pipelines repository, or a folder that is a dags folder itself; ``home``: an empty folder."""
    files, dags_folder = _read(source)
    prefix = "" if dags_folder in {"", "."} else f"{dags_folder}/"
    plain = Side(home / "plain" / "dags")
    for path, content in files.items():
        if path.startswith(prefix):
            _write(plain.dags / path.removeprefix(prefix), content)
    return Sides(
        plain,
        _package(files, dags_folder, home / "preview" / "dags", "preview"),
        _package(files, dags_folder, home / "release" / "dags", "prod"),
    )


def _read(source: Path) -> tuple[dict[str, bytes], str]:
    description = source / PIPELINE_FILE
    if description.is_file() or (source / "dags").is_dir():
        pipeline_file = parse_pipeline_file(description.read_bytes() if description.is_file() else None)
        return read_source(source), "/".join(part for part in pipeline_file.dags.split("/") if part not in {"", "."})
    return {f"dags/{file.relative_to(source).as_posix()}": file.read_bytes() for file in _files_of(source)}, "dags"


def _files_of(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)


def _package(files: Mapping[str, bytes], dags_folder: str, dags: Path, lane: str) -> Side:
    packaged = package_dags(
        files, dags_folder=dags_folder, source_digest=_DIGEST, runtime=runtime_modules(), version="0"
    )
    beside = configuration(
        environment=ENVIRONMENT,
        lane=lane,
        repository="equality/test",
        pull_number=1,
        head_sha=COMMIT,
        source_digest=_DIGEST,
        settings={"as_written": True},
        schemas={},
    )
    for path, content in {**packaged.copy, f".dagbranch/{_DIGEST}.json": beside}.items():
        _write(dags / ENVIRONMENT / path, content)
    _write(dags / f"{ENVIRONMENT}.zip", packaged.archive)
    modules = read_manifest(packaged.archive).modules
    return Side(dags, modules, lane == "preview", packaged.warnings)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def assigned(dag_id: str) -> str:
    """The id that a preview has to give to a DAG that the code calls so."""
    team, dot, rest = dag_id.partition(".")
    return f"{team}.{ENVIRONMENT}.{rest}" if dot else f"{ENVIRONMENT}.{dag_id}"
