"""Which module's a DAG is: one that two modules hold is exported once, and an id that two modules give is an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


class DuplicateDagIdError(ImportError):
    """Airflow would take either DAG, a different one at different times."""


@dataclass(eq=False, repr=False)
class Found:
    """By DAG module: the DAGs among its globals, those used in ``with`` while it loaded, and what it raised."""

    globals: dict[str, list[Any]] = field(default_factory=dict)
    registered: dict[str, list[Any]] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)


def share_out(found: Found, makers: Mapping[int, str]) -> tuple[dict[str, list[Any]], dict[str, DuplicateDagIdError]]:
    """The DAGs that each module exports, and the modules that repeat an id; ``makers``: module by ``id()`` of a DAG.

    A DAG goes to the module that made it, if that exports it at all, else to each that holds it.
    """
    held = _held(found, makers)
    ids = {module: {dag.dag_id for dag in dags} for module, dags in held.items()}
    exported = {
        module: [
            dag
            for dag in dags
            if (maker := makers.get(id(dag), module)) == module or dag.dag_id not in ids.get(maker, ())
        ]
        for module, dags in held.items()
    }
    duplicates = dict(_duplicates(exported, makers))
    return {module: dags for module, dags in exported.items() if module not in duplicates}, duplicates


def _held(found: Found, makers: Mapping[int, str]) -> dict[str, list[Any]]:
    """With those that a module made while another one, which imports it, was the one to load."""
    held = {module: _once([*dags, *found.registered.get(module, ())]) for module, dags in sorted(found.globals.items())}
    for module, dags in found.registered.items():
        for dag in dags:
            maker = makers.get(id(dag), module)
            if maker in held and dag.dag_id not in {other.dag_id for other in held[maker]}:
                held[maker].append(dag)
    return held


def _duplicates(
    exported: Mapping[str, list[Any]], makers: Mapping[int, str]
) -> Iterator[tuple[str, DuplicateDagIdError]]:
    first: dict[str, tuple[Any, str]] = {}
    for module, dags in exported.items():
        for dag in dags:
            other, where = first.setdefault(dag.dag_id, (dag, module))
            # A copy (`dag.partial_subset(…)`) was not made by the code: it stands for its original.
            if other is not dag and id(dag) in makers and id(other) in makers:
                both = f"{where} and in {module}" if where != module else f"{module} twice"
                yield (
                    module,
                    DuplicateDagIdError(
                        f"dagbranch: the DAG id {dag.dag_id!r} is given in {both}: "
                        "Airflow would take one of them, not always the same"
                    ),
                )


def _once(dags: list[Any]) -> list[Any]:
    return list({id(dag): dag for dag in dags}.values())
