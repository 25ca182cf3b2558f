"""Which of its DAG modules an environment shows: all, those that are named, or those that a pull request touches."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from dagbranch.domain.dag_modules import dag_modules
from dagbranch.domain.naming import PREVIEW, folder_prefix
from dagbranch.domain.packaging import IGNORE_FILE, own_sources
from dagbranch.domain.path_expressions import matches
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.specification_values import CHANGED
from dagbranch.domain.static_closure import Changes, Repository
from dagbranch.errors import InvalidPipelineError

MOST_SHOWN_BY_DEFAULT: Final = 20
_ALL: Final = "*"
_MOST_WARNINGS: Final = 20


@dataclass(frozen=True)
class Selection:
    """``modules``: all DAG modules, ``shown`` those of them that the environment shows, by path in the dags folder.

    ``may_have_dags`` is false where nothing of what is shown could make a DAG, so that none is waited for.
    """

    modules: tuple[str, ...]
    shown: tuple[str, ...]
    may_have_dags: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def selected(self) -> tuple[str, ...] | None:
        """As the configuration beside the zip has it: None for all."""
        return None if self.shown == self.modules else self.shown

    @property
    def fingerprint(self) -> str:
        """Tells one selection from another, shortly."""
        return "all" if self.selected is None else hashlib.sha256("\n".join(self.shown).encode()).hexdigest()[:16]

    @property
    def in_words(self) -> str:
        """For the author of a pull request that touches no DAG; empty where there is something to see."""
        if self.may_have_dags:
            return ""
        return (
            f"the pull request touches no DAG: none of {len(self.modules)} DAG modules is waited for "
            "(select: changed in dagbranch.yaml; select: all shows every one)"
        )


def asks_for_changes(pipeline_file: PipelineFile, lane: str, files: Mapping[str, bytes]) -> bool:
    """Whether what is shown depends on what a pull request changed. ``files`` by path of the repository."""
    return lane == PREVIEW and CHANGED in _wanted(pipeline_file, dag_modules(own_sources(files, pipeline_file.dags)))


def select_modules(
    pipeline_file: PipelineFile, lane: str, files: Mapping[str, bytes], changed_paths: Collection[str] | None
) -> Selection:
    """What an environment in this lane shows; release lanes show all. ``files`` and ``changed_paths`` are paths of the
    repository; changes that nobody knows (None) touch everything.

    Raises InvalidPipelineError that tells every name or pattern in ``select`` without a DAG module.
    """
    sources = own_sources(files, pipeline_file.dags)
    modules = dag_modules(sources)
    wanted = _wanted(pipeline_file, modules)
    if lane != PREVIEW or _ALL in wanted:
        return Selection(modules, modules)
    named = _named(wanted, modules)
    if CHANGED not in wanted:
        return _selection(modules, named)
    if changed_paths is None or any(_touches_all(path, pipeline_file) for path in changed_paths):
        return Selection(modules, modules)
    changes = changes_in(pipeline_file, changed_paths)
    repository = Repository(sources, modules, deleted=changes.paths - sources.keys())
    shown, warnings = _with_referred(repository, repository.touched(changes) | named, folder_prefix(pipeline_file.dags))
    may_have_dags = any(repository.reading(path).may_make_dags for path in repository.closure(shown))
    return _selection(modules, shown, warnings, may_have_dags=may_have_dags)


def _wanted(pipeline_file: PipelineFile, modules: Collection[str]) -> tuple[str, ...]:
    if pipeline_file.select is not None:
        return pipeline_file.select
    return (CHANGED,) if len(modules) > MOST_SHOWN_BY_DEFAULT else (_ALL,)


def _named(wanted: Iterable[str], modules: tuple[str, ...]) -> set[str]:
    found = {name: _matching(name, modules) for name in wanted if name != CHANGED}
    faults = [f"{name!r}{_meant(name, modules)}" for name, matching in found.items() if not matching]
    if faults:
        raise InvalidPipelineError(
            f"{PIPELINE_FILE}: select: no DAG module is called {', '.join(faults)}: names are paths within the dags "
            "folder, such as qu/main/test_dag.py or qu/*"
        )
    return {module for matching in found.values() for module in matching}


def _matching(name: str, modules: tuple[str, ...]) -> list[str]:
    return [module for module in modules if matches(name.removeprefix("./"), module)]


def _meant(name: str, modules: tuple[str, ...]) -> str:
    close = get_close_matches(name, modules, n=1)
    return f" (is it {close[0]}?)" if close else ""


def _touches_all(path: str, pipeline_file: PipelineFile) -> bool:
    return path in {PIPELINE_FILE, pipeline_file.requirements} or path.rpartition("/")[2] == IGNORE_FILE


def changes_in(pipeline_file: PipelineFile, changed_paths: Collection[str]) -> Changes:
    """What changed in the dags folder and in the folders of job code, of paths of the repository."""
    prefix = folder_prefix(pipeline_file.dags)
    artifacts = {
        name
        for name, folder in pipeline_file.artifacts.items()
        if any(path.startswith(folder_prefix(folder)) for path in changed_paths)
    }
    paths = {path.removeprefix(prefix) for path in changed_paths if path.startswith(prefix)}
    return Changes(frozenset(paths), frozenset(artifacts))


def _with_referred(repository: Repository, touched: set[str], folder: str) -> tuple[set[str], tuple[str, ...]]:
    """These modules, with those whose DAGs they trigger or wait for, and so on; and what could not be followed."""
    shown: set[str] = set()
    read: set[str] = set()
    warnings: list[str] = []
    waiting = touched
    while waiting:
        shown |= waiting
        closure = repository.closure(waiting) - read
        read |= closure
        waiting = repository.owners_of(closure) - shown
        for path in sorted(closure):
            warnings += [_untold(folder + path, line) for line in repository.reading(path).untold_references]
    return shown, tuple(warnings[:_MOST_WARNINGS])


def _untold(path: str, line: int) -> str:
    return (
        f"{path}:{line}: the DAG that is triggered or waited for is not written out here, so `select: changed` may not "
        "show it: name its module under `select` as well"
    )


def _selection(
    modules: tuple[str, ...], shown: set[str], warnings: tuple[str, ...] = (), *, may_have_dags: bool = True
) -> Selection:
    ordered = tuple(module for module in modules if module in shown)
    if ordered == modules:
        return Selection(modules, modules)
    return Selection(modules, ordered, may_have_dags, warnings)
