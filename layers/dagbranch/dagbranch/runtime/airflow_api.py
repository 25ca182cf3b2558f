"""What differs between Airflow's versions: where its classes are, and how it looks for DAG files."""

from __future__ import annotations

import functools
import importlib
import inspect
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from airflow import __version__
from airflow.configuration import conf
from airflow.utils.file import might_contain_dag

IGNORE_FILE = ".airflowignore"
_OWN_HEURISTIC = "might_contain_dag_via_default_heuristic"
PARSING_CONTEXT = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"
PARSING_CONTEXT_TASK = "_AIRFLOW_PARSING_CONTEXT_TASK_ID"


@functools.cache
def dag_classes() -> tuple[type, ...]:
    """Every class that DAG code may know as DAG; in 3.x those of the SDK and of the scheduler are two."""
    found = [first_of(("airflow.sdk", "DAG")), first_of(("airflow.models.dag", "DAG"))]
    return tuple(dag_class for dag_class in dict.fromkeys(found) if dag_class is not None)


def refusal_of(dag: Any) -> Exception | None:
    """What Airflow will raise for a DAG after its file is imported, when it takes it into its bag."""
    try:
        dag.validate()
        if hasattr(dag, "check_cycle"):
            dag.check_cycle()
        else:
            first_of(("airflow.utils.dag_cycle_tester", "check_cycle"))(dag)
    except Exception as error:  # noqa: BLE001 - timetables and plug-ins raise what they like
        # Airflow tells it without what led to it.
        error.__cause__, error.__suppress_context__ = None, True
        return error.with_traceback(None)
    return None


def dag_context() -> Any:
    return first_of(
        ("airflow.sdk.definitions._internal.contextmanager", "DagContext"), ("airflow.models.dag", "DagContext")
    )


def first_of(*places: tuple[str, str]) -> Any:
    """The first of these (module, name) that this version of Airflow has, or None."""
    for module, name in places:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return None


@contextmanager
def registering_for(module_name: str) -> Iterator[Any]:
    """DAGs used in ``with`` are registered, for a module that is there whatever loads; afterwards all is as before."""
    context = dag_context()
    name, registered = context.current_autoregister_module_name, set(context.autoregistered_dags)
    context.current_autoregister_module_name = module_name
    try:
        yield context
    finally:
        context.current_autoregister_module_name = name
        context.autoregistered_dags.clear()
        context.autoregistered_dags.update(registered)


@contextmanager
def parsing_context(dag_id: str | None) -> Iterator[None]:
    """Code that asks Airflow which DAG is wanted (``get_parsing_context``) gets this answer."""
    before = os.environ.get(PARSING_CONTEXT)
    if before is None or dag_id is None:
        yield
        return
    os.environ[PARSING_CONTEXT] = dag_id
    try:
        yield
    finally:
        os.environ[PARSING_CONTEXT] = before


def wanted_dag_id() -> str | None:
    """The DAG for which Airflow reads a file, where it says so: in the process of a task.

    In 2.x ``airflow tasks test`` and its like set no parsing context.
    """
    return os.environ.get(PARSING_CONTEXT) or _asked_for_by_command()


def wanted_task_id() -> str | None:
    return os.environ.get(PARSING_CONTEXT_TASK)


def given_file() -> str | None:
    """The file that Airflow was given to load.

    It cuts ``/dags/feature1.zip/dag__x.py`` down to the zip and tells no one but its DagBag, which is among the
    callers.
    """
    for frame in _callers():
        if frame.f_globals.get("__name__", "").startswith("airflow."):
            file = getattr(frame.f_locals.get("self"), "dag_folder", None)
            if isinstance(file, (str, os.PathLike)):
                return os.fspath(file)
    return None


def _asked_for_by_command() -> str | None:
    for frame in _callers():
        if frame.f_code.co_name == "get_dag" and frame.f_globals.get("__name__") == "airflow.utils.cli":
            dag_id = frame.f_locals.get("dag_id")
            return dag_id if isinstance(dag_id, str) else None
    return None


def _callers() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def processor_timeout_seconds() -> float:
    """After how long the DAG processor ends the parsing of one file."""
    section = "core" if __version__.startswith("2.") else "dag_processor"
    return float(conf.getfloat(section, "dag_file_processor_timeout", fallback=50.0))


def looks_like_dag(name: str, source: Callable[[], bytes]) -> bool:
    """Airflow's own safe mode, which is not the same in every version and can be replaced by a setting."""
    is_on, is_own = _safe_mode()
    if not is_on:
        return True
    if is_own:
        return bool(might_contain_dag(name, safe_mode=True, zip_file=_OneFile(source())))
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        archive.writestr(name, source())
        return bool(might_contain_dag(name, safe_mode=True, zip_file=archive))


@functools.cache
def _safe_mode() -> tuple[bool, bool]:
    """Whether it is on, and whether its heuristic is Airflow's own: to ask takes longer than the heuristic."""
    is_on = conf.getboolean("core", "dag_discovery_safe_mode", fallback=True)
    callable_path = conf.get("core", "might_contain_dag_callable", fallback=_OWN_HEURISTIC)
    return bool(is_on), callable_path.endswith(_OWN_HEURISTIC)


class _OneFile:
    """As much of a ZipFile as Airflow's own heuristic uses; a real one takes longer than the heuristic."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def open(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def not_ignored(paths: Collection[str], ignore_files: Mapping[str, bytes]) -> set[str]:
    """The paths that Airflow's own matcher leaves, in the syntax that this server is set to."""
    if not ignore_files:
        return set(paths)
    with tempfile.TemporaryDirectory() as folder:
        for path, content in {**dict.fromkeys(paths, b""), **ignore_files}.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        syntax = conf.get("core", "dag_ignore_file_syntax", fallback=_default_syntax())
        find_path_from_directory = first_of(
            ("airflow.utils.file", "find_path_from_directory"),
            ("airflow._shared.module_loading", "find_path_from_directory"),
        )
        found = find_path_from_directory(folder, IGNORE_FILE, syntax)
        return {Path(file).relative_to(folder).as_posix() for file in found} & set(paths)


def _default_syntax() -> str:
    return "regexp" if __version__.startswith("2.") else "glob"
