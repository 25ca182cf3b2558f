"""The way in: loads an environment's DAG modules, once per process and zip, and gives each stub its module's DAGs."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import zipfile
import zipimport
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from dagbranch.runtime import airflow_api
from dagbranch.runtime.assets import own_assets
from dagbranch.runtime.configuration import Configuration, configuration_file, read_configuration
from dagbranch.runtime.dag_patch import Maker, wrapped
from dagbranch.runtime.identity import Identity
from dagbranch.runtime.importer import Importer
from dagbranch.runtime.isolation import alone, natural_name, own_path_entries
from dagbranch.runtime.ownership import DuplicateDagIdError, Found, share_out
from dagbranch.runtime.package import SOURCES, Package, files_on_disk, opened, read_package
from dagbranch.runtime.served_module import serve
from dagbranch.runtime.subdags import children_named_after_parents

INCOMPLETE = "import-errors"

__all__ = ["DuplicateDagIdError", "export", "serves"]


@dataclass(frozen=True)
class _Outcome:
    """What came of loading a zip, for as long as neither it nor its configuration changes.

    ``waiting``: the modules whose stubs have not asked yet; ``note``: what tells of which commit an import error is.
    """

    stamp: tuple[object, ...]
    configuration: Path | None = None
    dags: dict[str, list[Any]] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)
    failure: Exception | None = None
    waiting: set[str] = field(default_factory=set)
    note: str = ""


_outcomes: dict[str, _Outcome] = {}


def serves(zip_path: str) -> bool:
    """Whether this very runtime has loaded this very zip; a stub drops it from ``sys.modules`` otherwise."""
    outcome = _outcomes.get(zip_path)
    return outcome is not None and outcome.stamp == _stamp(zip_path, outcome.configuration)


def export(zip_path: str, module: str, namespace: dict[str, Any]) -> None:
    """Puts the DAGs of one module of the repository where Airflow looks for them, or raises what its import raised."""
    if not serves(zip_path):
        _outcomes[zip_path] = _attempt(zip_path)
    outcome = _outcomes[zip_path]
    outcome.waiting.discard(module)
    if not outcome.waiting:
        _forget_directory(zip_path)
    error = outcome.failure or outcome.errors.get(module)
    if isinstance(error, Exception):
        raise _noted(error, outcome.note)
    if error is not None:
        # Airflow 2 lets SystemExit pass: it would end the parsing of the whole zip.
        raise _noted(ImportError(f"{type(error).__name__}: {error}"), outcome.note) from error
    namespace.update({f"dag_{number}": dag for number, dag in enumerate(outcome.dags.get(module, ()))})


def _noted(error: Exception, note: str) -> Exception:
    """The error with the note at its end, once: whoever asks Airflow can tell it from one of the last commit."""
    if note and note not in getattr(error, "__notes__", ()):
        error.add_note(note)
    return error


def _attempt(zip_path: str) -> _Outcome:
    configuration: Path | None = None
    note = ""
    waiting: set[str] = set()
    stamp = _stamp(zip_path, None)
    try:
        with opened(Path(zip_path)) as archive:
            package = read_package(archive, Path(zip_path))
            configuration = configuration_file(package.copy, package.source_digest)
            waiting.update(package.modules.values())
            stamp = _stamp(zip_path, configuration)
            read = read_configuration(package.copy, package.source_digest)
            note = f"dagbranch: environment {read.environment}, {read.commit_tag}"
            dags, errors = _load(package, read, archive)
    except Exception as failure:  # noqa: BLE001 - each stub has to tell it to Airflow
        return _Outcome(stamp, configuration, failure=failure, waiting=waiting, note=note)
    return _Outcome(stamp, configuration, dags, errors, waiting=waiting, note=note)


def _forget_directory(zip_path: str) -> None:
    """Lets Python read the zip's table of contents anew where another zip of that name is imported in this process.

    zipimport keeps the first one for ever, and finds other files' bytes at its offsets after that.
    """
    sys.path_importer_cache.pop(zip_path, None)
    getattr(zipimport, "_zip_directory_cache", {}).pop(zip_path, None)


def _load(
    package: Package, configuration: Configuration, archive: zipfile.ZipFile
) -> tuple[dict[str, list[Any]], dict[str, BaseException]]:
    root = str(files_on_disk(package, archive))
    modules = _dag_modules(package, archive)
    identity = Identity(configuration.environment, rewrites=configuration.rewrites_ids)
    maker = Maker(configuration, identity, serve(configuration), root, frozenset(modules))
    importer = Importer(root, package.sources, package.files, maker.running)
    wanted = airflow_api.wanted_dag_id()
    with (
        wrapped(airflow_api.dag_classes(), maker),
        children_named_after_parents(package.sources.values(), identity),
        own_assets(configuration, package.sources.values(), stays=wanted is not None),
        airflow_api.parsing_context(identity.written(wanted) if wanted else None),
        alone(importer, str(package.zip_path.parent), str(package.zip_path)),
    ):
        found = _load_modules(modules, importer)
    maker.complete(dag for dags in (*found.globals.values(), *found.registered.values()) for dag in dags)
    dags, duplicates = share_out(found, {key: module for key, (_, module) in maker.made.items()})
    errors = {**found.errors, **duplicates}
    if errors:
        _tell_of_errors(dags)
    return dags, errors


def _tell_of_errors(dags: dict[str, list[Any]]) -> None:
    """Tags the DAGs whose environment has modules that failed.

    Airflow drops the import errors of a zip at each look at the folder, until the zip is parsed again: an empty list
    of them proves nothing, a DAG without this tag does.
    """
    for dag in (dag for of_module in dags.values() for dag in of_module):
        dag.tags = type(dag.tags)([*dag.tags, INCOMPLETE])


def _load_modules(modules: Iterable[str], importer: Importer) -> Found:
    found = Found()
    entries: list[str] = []
    with airflow_api.registering_for(__name__) as context:
        for path in modules:
            context.autoregistered_dags.clear()
            try:
                with own_path_entries(importer, entries):
                    module = _load_module(path, importer)
                found.globals[path] = _dags_in(vars(module).values())
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - sys.exit() in one module is no reason to lose the others
                found.errors[path] = error
            found.registered[path] = [dag for dag, _ in context.autoregistered_dags]
    importer.search_also(entries)
    return found


def _load_module(path: str, importer: Importer) -> ModuleType:
    """Under its dotted name where imports would find it by that, so that there is one of it; else under one of ours."""
    name = natural_name(path)
    if _resolves_to(name, path, importer):
        return importlib.import_module(name)
    return importer.load_as(f"_dagbranch_{hashlib.sha256(path.encode()).hexdigest()[:12]}", path)


def _resolves_to(name: str, path: str, importer: Importer) -> bool:
    """Not so for a name that the server has too, with a dot in a folder, or below a package that fails to import."""
    try:
        spec = importlib.util.find_spec(name)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the parents' code runs here; a plain dags folder would not run it
        return False
    return spec is not None and spec.origin is not None and importer.relative(spec.origin) == path


def _dags_in(values: Iterable[object]) -> list[Any]:
    classes = tuple(airflow_api.dag_classes())
    return [value for value in list(values) if isinstance(value, classes)]


def _dag_modules(package: Package, archive: zipfile.ZipFile) -> list[str]:
    """The modules that Airflow itself would load, by its safe mode and by the repository's own ignore files."""
    candidates: Collection[str] = [
        path for path in package.modules.values() if airflow_api.looks_like_dag(archive, SOURCES + path)
    ]
    ignore_files = {
        name.removeprefix(SOURCES): archive.read(name)
        for name in archive.namelist()
        if name.startswith(SOURCES) and name.rpartition("/")[2] == airflow_api.IGNORE_FILE
    }
    return sorted(airflow_api.not_ignored(candidates, ignore_files))


def _stamp(zip_path: str, configuration: Path | None) -> tuple[object, ...]:
    return tuple(_status(path) for path in (zip_path, configuration) if path is not None)


def _status(path: str | Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - both kinds of path
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size)
