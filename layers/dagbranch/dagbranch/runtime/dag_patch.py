"""DAGs are given their environment when they are made: ``DAG.__init__`` is wrapped while modules load, no longer."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dagbranch.runtime.configuration import Configuration
from dagbranch.runtime.identity import Identity
from dagbranch.runtime.preview import RunSettings, run_settings
from dagbranch.runtime.references import follow_references

_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(eq=False, repr=False)
class Maker:
    """What every DAG gets, and which DAGs were made by which module.

    ``module`` is the DAG module (its path within the dags folder) whose code runs at the moment.
    """

    configuration: Configuration
    identity: Identity
    macros: Mapping[str, object]
    root: str
    modules: Collection[str]
    module: str = ""
    made: dict[int, tuple[Any, str]] = field(default_factory=dict)
    run_settings: RunSettings | None = field(init=False)

    def __post_init__(self) -> None:
        self.run_settings = run_settings(self.configuration)

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The constructor's arguments in the environment, from those in the code."""
        folder = os.path.join(self.root, os.path.dirname(self.module))  # noqa: PTH118,PTH120 - Jinja wants text
        arguments = {
            **given,
            "dag_id": self.identity.assign(given["dag_id"]),
            "tags": _with_tags(given.get("tags"), self.configuration.tags),
            "template_searchpath": [folder, *_as_list(given.get("template_searchpath")), self.root],
            "user_defined_macros": {**self.macros, **(given.get("user_defined_macros") or {})},
        }
        # `@asset` gives its DAG the id as the name to display; any other name is its author's own.
        if given.get("dag_display_name") == given["dag_id"]:
            arguments["dag_display_name"] = arguments["dag_id"]
        return arguments

    @contextmanager
    def running(self, path: str) -> Iterator[None]:
        """Tells that a source file is executed; a file that is no DAG module works for the one that called it."""
        before, self.module = self.module, path if path in self.modules else self.module
        try:
            yield
        finally:
            self.module = before

    def finish(self, dag: Any, unscheduled: Callable[[Any], Any]) -> None:
        """Remembers a DAG that was made as it is written, and has it run as the lane says."""
        self.made[id(dag)] = (dag, self.module)
        if self.run_settings is not None:
            self.run_settings.limit_dag(dag, unscheduled)

    def complete(self, others: Iterable[Any], *, tells: bool) -> None:
        """Changes the tasks once all is made, those of DAGs that nobody made too: copies of others."""
        dags = list({id(dag): dag for dag in [*(dag for dag, _ in self.made.values()), *others]}.values())
        follow_references(dags, self.identity, tells=tells)
        if self.run_settings is not None:
            for dag in dags:
                self.run_settings.limit_tasks(dag)


@contextmanager
def wrapped(classes: Collection[type], maker: Maker) -> Iterator[None]:
    originals = {dag_class: dag_class.__dict__["__init__"] for dag_class in classes if "__init__" in vars(dag_class)}
    busy: set[int] = set()
    for dag_class, original in originals.items():
        dag_class.__init__ = _wrapper(dag_class, original, maker, busy)  # type: ignore[misc] # that is what it does
    try:
        yield
    finally:
        for dag_class, original in originals.items():
            dag_class.__init__ = original  # type: ignore[misc] # as above


def _wrapper(dag_class: type, original: Callable[..., None], maker: Maker, busy: set[int]) -> Callable[..., None]:
    positional = list(inspect.signature(original).parameters)[1:]

    def probe(schedule: Any) -> Any:
        made: Any = object.__new__(dag_class)
        original(made, "unscheduled", schedule=schedule, start_date=_SOME_DAY)
        return made

    started_by_nothing = functools.cache(lambda: probe(None))

    def unscheduled(timetable: Any) -> Any:
        """Airflow's own idea, in this version, of a DAG without a schedule or with one of assets alone."""
        return started_by_nothing() if timetable is None else probe(timetable)

    @functools.wraps(original)
    def init(dag: Any, *args: Any, **kwargs: Any) -> None:
        given = {**dict(zip(positional, args, strict=False)), **kwargs}
        # A subclass that calls this twice, or a call that Airflow itself will refuse, is none of ours.
        if id(dag) in busy or len(given) != len(args) + len(kwargs) or not isinstance(given.get("dag_id"), str):
            original(dag, *args, **kwargs)
            return
        busy.add(id(dag))
        try:
            original(dag, **maker.arguments(given))
        finally:
            busy.discard(id(dag))
        dag.fileloc = _caller()
        maker.finish(dag, unscheduled)

    return init


def _caller() -> str:
    """The file that makes the DAG, which Airflow takes from the stack and would find to be this one."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_code.co_filename if frame is not None else ""


def _as_list(searchpath: Any) -> list[Any]:
    if searchpath is None:
        return []
    return [searchpath] if isinstance(searchpath, (str, os.PathLike)) else list(searchpath)


def _with_tags(given: Any, added: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys([*(given or []), *added]))
