"""Job code beside the DAGs: the folders that ``artifacts`` in ``dagbranch.yaml`` names, as they are uploaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dagbranch.domain.naming import CONFIGURATION_FOLDER, folder_prefix
from dagbranch.domain.source_archive import PIPELINE_FILE, write_canonical_zip
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.strict_yaml import Fault, describe_faults, read_strict_yaml
from dagbranch.errors import InvalidPipelineFileError


@dataclass(frozen=True)
class Artifact:
    """One folder. ``digest`` is over its own files alone: job code that did not change keeps its place and URI."""

    name: str
    digest: str
    files: Mapping[str, bytes]


def artifacts_of(files: Mapping[str, bytes], pipeline_file: PipelineFile) -> tuple[Artifact, ...]:
    """The declared folders of a repository; ``files`` by repository path.

    Raises InvalidPipelineFileError that names every folder without files, by key and line of ``dagbranch.yaml``.
    """
    found = {name: _files_below(folder, files) for name, folder in pipeline_file.artifacts.items()}
    if empty := [name for name, of_folder in found.items() if not of_folder]:
        raise InvalidPipelineFileError(describe_faults(_faults(empty, files, pipeline_file), PIPELINE_FILE))
    return tuple(Artifact(name, _digest(of_folder), of_folder) for name, of_folder in found.items())


def uris_in(configuration: bytes) -> frozenset[str]:
    """The URIs of the job code that an environment's configuration sends its tasks to."""
    return frozenset(json.loads(configuration).get("artifacts", {}).values())


def _files_below(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """By their path in the folder; bytecode caches differ between machines, and our own folder is no job code."""
    prefix = folder_prefix(folder)
    below = {path.removeprefix(prefix): content for path, content in files.items() if path.startswith(prefix)}
    return {
        path: content
        for path, content in below.items()
        if "__pycache__" not in path.split("/") and not path.startswith(f"{CONFIGURATION_FOLDER}/")
    }


def _digest(files: Mapping[str, bytes]) -> str:
    return hashlib.sha256(write_canonical_zip(files)).hexdigest()


def _faults(names: list[str], files: Mapping[str, bytes], pipeline_file: PipelineFile) -> Iterator[Fault]:
    lines = read_strict_yaml(files[PIPELINE_FILE], PIPELINE_FILE)
    for name in names:
        path = ("artifacts", name)
        text = f"the folder {pipeline_file.artifacts[name]!r} has no files at this commit"
        yield Fault(path, lines.line_of(path), text)
