"""The part of the comment that lists an environment's DAGs: readable at 3, and at 200."""

from __future__ import annotations

from typing import Final

from dagbranch.domain.environments import Environment
from dagbranch.domain.github_pages import GitHubPages
from dagbranch.domain.report_markdown import bounded, code, folded, link, size_of, table
from dagbranch.domain.report_words import counted

_MOST_UNFOLDED: Final = 20
_TABLE: Final = ("DAG", "Defined in", "Change")
_ORDER: Final = ("added", "changed")  # then the others
_MOST_BYTES_OF_THE_TOUCHED: Final = 12_000

type _States = dict[str, str]  # by DAG id; empty where nobody knows


def dag_lines(record: Environment, pages: GitHubPages, most_bytes: int) -> list[str]:
    """Up to 20 in one table; of more, those that the pull request touches, and all the others folded away."""
    states = _states(record)
    dag_ids = sorted(record.dag_ids, key=lambda one: (_place(states.get(one)), one))
    if not dag_ids:
        return []
    if len(dag_ids) <= _MOST_UNFOLDED:
        return ["#### DAGs", "", *_table(dag_ids, states, record, pages, most_bytes)]
    touched = [one for one in dag_ids if states.get(one, "unchanged") != "unchanged"]
    others = [one for one in dag_ids if one not in set(touched)]
    lines = ["#### DAGs", "", *_touched(touched, states, record, pages)]
    left = most_bytes - size_of("\n".join(lines)) - 200  # for what folds them
    return [*lines, *_others(others, record, left, "unchanged DAG" if states else "DAG")]


def modules_told(record: Environment) -> frozenset[str]:
    """Whose change these lines tell already."""
    modules = record.overview.modules
    return frozenset(modules[one] for one in record.dag_ids if one in modules)


def _touched(dag_ids: list[str], states: _States, record: Environment, pages: GitHubPages) -> list[str]:
    if not dag_ids:
        return []
    lines = _table(dag_ids, states, record, pages, _MOST_BYTES_OF_THE_TOUCHED)
    if len(dag_ids) <= _MOST_UNFOLDED:
        return [*lines, ""]
    return [*folded(counted(len(dag_ids), "added or changed DAG"), lines), ""]


def _others(dag_ids: list[str], record: Environment, most_bytes: int, what: str) -> list[str]:
    if not dag_ids:
        return []
    lines = bounded([f"- {_link(one, record)}" for one in dag_ids], most_bytes, lambda n: f"- … and {n:,} more")
    return folded(counted(len(dag_ids), what), lines)


def _table(dag_ids: list[str], states: _States, record: Environment, pages: GitHubPages, most_bytes: int) -> list[str]:
    rows = [(_link(one, record), _module(one, record, pages), states.get(one, "")) for one in dag_ids]
    return bounded(table(_TABLE, rows), most_bytes, lambda n: f"| … and {n:,} more | | |")


def _link(dag_id: str, record: Environment) -> str:
    return link(code(dag_id), record.pages.of_dag(dag_id) if record.pages else None)


def _module(dag_id: str, record: Environment, pages: GitHubPages) -> str:
    path = record.overview.modules.get(dag_id)
    return link(code(path), pages.of_file(record.repository, record.head_sha, path)) if path else ""


def _place(state: str | None) -> int:
    return _ORDER.index(state) if state in _ORDER else len(_ORDER)


def _states(record: Environment) -> _States:
    changes = record.overview.changes
    if changes is None:
        return {}
    by_module = {**dict.fromkeys(changes.changed, "changed"), **dict.fromkeys(changes.added, "added")}
    modules = record.overview.modules
    return {one: by_module.get(modules.get(one, ""), "unchanged") for one in record.dag_ids}
