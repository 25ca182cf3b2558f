"""Imports an environment's DAG modules one after the other, and notes the DAGs that Airflow would find in each."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Container, Iterable
from types import ModuleType
from typing import Any

from dagbranch.runtime import airflow_api
from dagbranch.runtime.importer import Importer, natural_name
from dagbranch.runtime.isolation import own_path_entries
from dagbranch.runtime.ownership import Found


def load_modules(paths: Iterable[str], importer: Importer, found: Found) -> None:
    """Adds to ``found``; a module that fails is noted with what it raised, and the next one is next."""
    entries: list[str] = []
    with airflow_api.registering_for(__name__) as context:
        for path in paths:
            context.autoregistered_dags.clear()
            try:
                with own_path_entries(importer, entries):
                    module = _load_module(path, importer)
                found.globals[path] = _dags_in(module)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - sys.exit() in one module is no reason to lose the others
                found.errors[path] = error
            found.registered[path] = [dag for dag, _ in context.autoregistered_dags]
    # For what the modules' tasks import when they run.
    sys.path.extend(entry for entry in entries if entry not in sys.path)


def bystanders(importer: Importer, dag_modules: Container[str], found: Found) -> dict[str, list[Any]]:
    """The DAGs of modules that were not loaded for themselves, but by others that import them."""
    return {
        path: _dags_in(module)
        for path, module in importer.executed.items()
        if path not in found.registered and path in dag_modules
    }


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


def _dags_in(module: ModuleType) -> list[Any]:
    return [value for value in list(vars(module).values()) if isinstance(value, airflow_api.dag_classes())]
