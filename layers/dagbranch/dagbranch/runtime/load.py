"""The way in: loads an environment's DAG modules, as far as a process needs them, and gives each stub its DAGs."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagbranch.runtime import airflow_api
from dagbranch.runtime.assets import own_assets
from dagbranch.runtime.configuration import configuration_file, read_configuration
from dagbranch.runtime.dag_patch import wrapped
from dagbranch.runtime.environment import Environment, environment_of
from dagbranch.runtime.module_loading import load_modules
from dagbranch.runtime.ownership import DuplicateDagIdError
from dagbranch.runtime.package import opened, read_package
from dagbranch.runtime.places import tell_place
from dagbranch.runtime.stub_imports import StubFinder, forget_directory
from dagbranch.runtime.subdags import children_named_after_parents
from dagbranch.runtime.task_process import has_wanted, modules_that_name, owner_of_wanted, unknown_to_task

__all__ = ["DuplicateDagIdError", "export", "serves"]


@dataclass(eq=False, repr=False)
class _Outcome:
    """What came of a zip, for as long as neither it nor its configuration changes.

    ``waiting``: the modules whose stubs have not asked yet; ``note``: what tells of which commit an import error is.
    """

    stamp: tuple[object, ...]
    configuration: Path | None = None
    environment: Environment | None = None
    failure: Exception | None = None
    waiting: set[str] = field(default_factory=set)
    note: str = ""


_log = logging.getLogger(__name__)
_outcomes: dict[str, _Outcome] = {}


def serves(zip_path: str) -> bool:
    """Whether this very runtime has read this very zip, for a process of this kind.

    A stub drops the runtime from ``sys.modules`` otherwise, as it is of another environment, of another version, or
    inherited by a task's process from one that parsed.
    """
    outcome = _outcomes.get(zip_path)
    return outcome is not None and outcome.stamp == _stamp(zip_path, outcome.configuration)


def export(zip_path: str, module: str, namespace: dict[str, Any]) -> None:
    """Puts the DAGs of one module of the repository where Airflow looks for them, or raises what its import raised."""
    if not serves(zip_path):
        _outcomes[zip_path] = _read(zip_path)
    outcome = _outcomes[zip_path]
    outcome.waiting.discard(module)
    if not outcome.waiting:
        forget_directory(zip_path)
    dags = _dags_of(module, outcome)
    if outcome.environment is not None and has_wanted(dags):
        outcome.environment.presence.stay()
    namespace.update({f"dag_{number}": dag for number, dag in enumerate(dags)})


def _dags_of(module: str, outcome: _Outcome) -> list[Any]:
    if outcome.failure is None and outcome.environment is not None:
        environment = outcome.environment
        owner = owner_of_wanted(str(environment.package.zip_path), environment.package.modules)
        if owner not in (None, module) or not environment.configuration.shows(module):
            return []
        try:
            _load_for(owner, environment)
        except Exception as failure:  # noqa: BLE001 - each stub has to tell it to Airflow
            outcome.failure = failure
        else:
            return _exported(module, environment, outcome.note)
    assert outcome.failure is not None
    raise _noted(outcome.failure, outcome.note)


def _exported(module: str, environment: Environment, note: str) -> list[Any]:
    error = environment.errors.get(module)
    if isinstance(error, Exception):
        raise _noted(error, note)
    if error is not None:
        # Airflow 2 lets SystemExit pass: it would end the parsing of the whole zip.
        raise _noted(ImportError(f"{type(error).__name__}: {error}"), note) from error
    return environment.dags.get(module, [])


def _noted(error: Exception, note: str) -> Exception:
    """The error with the note at its end, once: whoever asks Airflow can tell it from one of the last commit."""
    if note and note not in getattr(error, "__notes__", ()):
        error.add_note(note)
    return error


def _read(zip_path: str) -> _Outcome:
    outcome = _Outcome(_stamp(zip_path, None))
    try:
        with opened(Path(zip_path)) as archive:
            package = read_package(archive, Path(zip_path))
            outcome.configuration = configuration_file(package.copy, package.source_digest)
            outcome.waiting.update(package.modules.values())
            StubFinder(zip_path, package.modules, export, serves).install()
            outcome.stamp = _stamp(zip_path, outcome.configuration)
            configuration = read_configuration(package.copy, package.source_digest)
            outcome.note = f"dagbranch: environment {configuration.environment}, {configuration.commit_tag}"
            outcome.environment = environment_of(package, configuration, archive)
    except Exception as failure:  # noqa: BLE001 - each stub has to tell it to Airflow
        outcome.failure = failure
    return outcome


def _load_for(owner: str | None, environment: Environment) -> None:
    """All modules, or the one of the task that this process is for with those that its references depend on."""
    if owner is None:
        if not environment.whole:  # every stub asks
            _load(environment.missing(environment.files), environment)
            environment.whole = True
        return
    _load(environment.missing([owner]), environment)
    if not environment.configuration.rewrites_ids:
        return
    dags, identity = environment.dags.get(owner, []), environment.identity
    if unknown := unknown_to_task(dags, identity):
        missing = environment.missing(environment.files)
        _load(modules_that_name(unknown, missing, environment.package.sources), environment)
    if unknown_to_task(dags, identity):
        _load(environment.missing(environment.files), environment)


def _load(modules: Collection[str], environment: Environment) -> None:
    if not modules:
        return
    began = time.perf_counter()
    package, configuration, identity = environment.package, environment.configuration, environment.identity
    maker, found = environment.maker, environment.found
    wanted = airflow_api.wanted_dag_id()
    with (
        wrapped(airflow_api.dag_classes(), maker),
        children_named_after_parents(package.sources.values(), identity),
        own_assets(configuration, package.sources.values(), stays=wanted is not None),
        airflow_api.parsing_context(identity.written(wanted) if wanted else None),
        environment.presence.in_sight(),
    ):
        load_modules(modules, environment.presence.importer, found)
    held = [dag for dags in (*found.globals.values(), *found.registered.values()) for dag in dags]
    maker.complete(held, tells=wanted is None)
    environment.share_out()
    if wanted is None:
        tell_place((dag for dag, _ in maker.made.values()), environment.presence.importer.root, str(package.copy))
        _warn_if_slow(time.perf_counter() - began, configuration.environment)


def _warn_if_slow(seconds: float, name: str) -> None:
    """In a task's process, which loads one module, nobody waits for all."""
    limit = airflow_api.processor_timeout_seconds()
    if seconds > limit / 2:
        _log.warning(
            "dagbranch: reading the environment %s took %.1f s, and Airflow gives up a file after %g s "
            "(dag_file_processor_timeout): show fewer DAGs by `select: changed` in dagbranch.yaml, or raise it",
            name,
            seconds,
            limit,
        )


def _stamp(zip_path: str, configuration: Path | None) -> tuple[object, ...]:
    """A task's process does not go on with what was loaded for all, nor the other way round."""
    files = [_status(path) for path in (zip_path, configuration) if path is not None]
    return (*files, airflow_api.wanted_dag_id() is None)


def _status(path: str | Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - both kinds of path
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size)
