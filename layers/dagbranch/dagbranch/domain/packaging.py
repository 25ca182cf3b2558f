"""The packaged DAG: from the files of a source archive to the zip, the unpacked copy and the configuration beside it.

The zip holds ``_src/`` (the dags folder as it is), ``_dagbranch/`` (the runtime and the manifest) and one stub per DAG
module at its root, where alone Airflow looks. Nothing in it depends on the environment, the lane or the commit.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dagbranch.domain.dag_modules import dag_modules, warnings_about
from dagbranch.domain.naming import CONFIGURATION_FOLDER, folder_prefix
from dagbranch.domain.source_archive import PIPELINE_FILE, write_canonical_zip
from dagbranch.domain.specification import UnpackedCopy
from dagbranch.domain.stubs import stub_names, stub_source
from dagbranch.domain.wheels import NOTHING_VENDORED, VENDORED, Vendored, without_wheels
from dagbranch.errors import InvalidPipelineError

RUNTIME_PACKAGE: Final = "_dagbranch"
MANIFEST_PATH: Final = f"{RUNTIME_PACKAGE}/manifest.json"
IGNORE_FILE: Final = ".airflowignore"
# Hides every file of the copy from Airflow, as a regular expression (2.x) and as a glob (3.x) alike.
IGNORE_EVERYTHING: Final = b"[^~]*\n"
_MOST_COPIED: Final = 500
_SOURCES: Final = "_src/"
_IMPORT_NAME: Final = b"dagbranch.runtime"


@dataclass(frozen=True)
class PackagedDag:
    """``copy`` and ``modules`` have paths relative to the dags folder; ``digests``: the SHA-256 of its files."""

    archive: bytes
    sha256: str
    copy: Mapping[str, bytes]
    digests: Mapping[str, str]
    modules: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """``modules``: source path by stub, in the ``dags_folder``, which ends in a slash unless it is the root."""

    dagbranch: str
    source_digest: str
    modules: Mapping[str, str]
    dags_folder: str = ""


NO_MANIFEST: Final = Manifest("", "", {})


def package_dags(
    files: Mapping[str, bytes],
    *,
    dags_folder: str,
    source_digest: str,
    runtime: Mapping[str, bytes],
    version: str,
    vendored: Vendored = NOTHING_VENDORED,
) -> PackagedDag:
    """The packaged DAG of a repository; ``files`` by repository path, ``runtime`` by path within its package.

    ``vendored``: what ``wheels.unpack_wheels`` gives of the same files; no DAG module is looked for in it.

    Raises InvalidPipelineError where there is no DAG module, or a file stands where dagbranch puts its own.
    """
    own = own_sources(files, dags_folder)
    modules = _modules_of(own, dags_folder)
    sources = {**own, **{VENDORED + path: content for path, content in vendored.files.items()}}
    stubs = stub_names(modules)
    copied = {path: content for path, content in sources.items() if path != IGNORE_FILE}
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in copied.items()}
    archive = write_canonical_zip(
        {
            **{stub: stub_source(module) for module, stub in stubs.items()},
            **{_SOURCES + path: content for path, content in sources.items()},
            **{f"{RUNTIME_PACKAGE}/{path}": _renamed(source) for path, source in runtime.items()},
            MANIFEST_PATH: _manifest(copied, digests, stubs, dags_folder, source_digest, version),
        }
    )
    return PackagedDag(
        archive=archive,
        sha256=hashlib.sha256(archive).hexdigest(),
        copy={**copied, IGNORE_FILE: IGNORE_EVERYTHING},
        digests=digests,
        modules=modules,
        warnings=(*_warnings_about(modules, own, folder_prefix(dags_folder)), *vendored.warnings),
    )


def files_beside(packaged: PackagedDag, unpacked_copy: UnpackedCopy) -> Mapping[str, bytes]:
    """What is put beside the zip: its files too, or only what hides the folder from Airflow.

    Every worker of MWAA syncs the whole dags folder every 30 seconds; without a copy, the runtime extracts the zip.
    """
    copies = len(packaged.digests) <= _MOST_COPIED if unpacked_copy == "auto" else unpacked_copy == "always"
    return packaged.copy if copies else {IGNORE_FILE: packaged.copy[IGNORE_FILE]}


def configuration(
    *,
    environment: str,
    lane: str,
    repository: str,
    pull_number: int | None,
    head_sha: str,
    source_digest: str,
    settings: Mapping[str, object],
    schemas: Mapping[str, str],
    selected: Collection[str] | None = None,
    artifacts: Mapping[str, str] | None = None,
    ids: str | None = None,
) -> bytes:
    """What is put at ``naming.configuration_key``, before the zip; ``schemas``: the environment's name by schema.

    ``selected``: the DAG modules (paths within the dags folder) that the environment shows, None for all;
    ``artifacts``: the URI of each uploaded folder, by its name in ``dagbranch.yaml``; ``ids``: what goes into the ids
    of DAGs, where that is not the lane's usual.
    """
    return _canonical_json(
        {
            "version": 1,
            "environment": environment,
            "lane": lane,
            "repository": repository,
            "pull_number": pull_number,
            "head_sha": head_sha,
            "source_digest": source_digest,
            "settings": dict(settings),
            "schemas": dict(schemas),
            "selected": None if selected is None else sorted(selected),
            "artifacts": dict(artifacts or {}),
            "ids": ids,
        }
    )


def read_manifest(archive: bytes) -> Manifest:
    """Raises InvalidPipelineError for a zip that is no packaged DAG of ours."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            found = json.loads(opened.read(MANIFEST_PATH))
        folder = found.get("dags_folder", "")  # a zip of an older version has none
        return Manifest(found["dagbranch"], found["source_digest"], found["modules"], folder)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise InvalidPipelineError(f"this zip is no packaged DAG of dagbranch: {error}") from error


def source_path_of(stub_file: str, manifest: Manifest) -> str | None:
    """The repository's module behind the file that Airflow names in an import error, or None for another file."""
    return manifest.modules.get(stub_file.replace("\\", "/").rpartition("/")[2])


def own_sources(files: Mapping[str, bytes], dags_folder: str) -> dict[str, bytes]:
    """The dags folder's files by their path in it; bytecode caches are not sources and differ between machines."""
    prefix = folder_prefix(dags_folder)
    return {
        path.removeprefix(prefix): content
        for path, content in without_wheels(files).items()
        if path.startswith(prefix) and "__pycache__" not in path.split("/")
    }


def _modules_of(sources: Mapping[str, bytes], dags_folder: str) -> tuple[str, ...]:
    reserved = [path for path in sorted(sources) if path.startswith((f"{CONFIGURATION_FOLDER}/", VENDORED))]
    if reserved:
        folder = reserved[0].partition("/")[0]
        raise InvalidPipelineError(
            f"{folder_prefix(dags_folder)}{reserved[0]}: {folder}/ is where dagbranch puts its own"
        )
    modules = dag_modules(sources)
    if not modules:
        raise InvalidPipelineError(
            f"{PIPELINE_FILE}: dags: no DAG module in {dags_folder!r} ({len(sources)} files): a DAG module is a .py "
            "file with the words 'airflow' and 'dag' (or 'asset') in its text; `dags` names the folder to look in"
        )
    return modules


def _warnings_about(modules: Collection[str], own: Mapping[str, bytes], folder: str) -> Iterator[str]:
    """With paths of the repository, as its author knows them."""
    return warnings_about(tuple(folder + one for one in modules), {folder + path: own[path] for path in own})


def _renamed(source: bytes) -> bytes:
    """The runtime under the package name that it has in a zip: another dagbranch may be installed on the server."""
    return source.replace(_IMPORT_NAME, RUNTIME_PACKAGE.encode())


def _manifest(
    copied: Mapping[str, bytes],
    digests: Mapping[str, str],
    stubs: Mapping[str, str],
    dags_folder: str,
    source_digest: str,
    version: str,
) -> bytes:
    return _canonical_json(
        {
            "version": 1,
            "dagbranch": version,
            "source_digest": source_digest,
            "dags_folder": folder_prefix(dags_folder),
            "files": {path: {"size": len(content), "sha256": digests[path]} for path, content in copied.items()},
            "modules": {stub: module for module, stub in stubs.items()},
        }
    )


def _canonical_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
