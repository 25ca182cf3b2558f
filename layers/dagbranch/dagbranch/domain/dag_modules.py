"""What can be told of DAG modules by reading them: which they are, and what will not work."""

from __future__ import annotations

import ast
import hashlib
import re
import symtable
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dagbranch.domain.servers_files import warnings_about_servers_files
from dagbranch.domain.syntax import UNREADABLE, given_dag_ids, parsed

_MOST_READINGS: Final = 10_000
# 172 of a real repository took 25 to 30 s on two cores.
_MANY_MODULES: Final = 150
# A text in quotes as the first argument of a DAG, or as one called dag_id, with what may stand before it.
_POSSIBLE_ID: Final = re.compile(
    rb"""(?:\b(?:DAG|dag)\s*\(|\bdag_id\s*=)(?:[\s(]|\#[^\n]{0,200}\n)*[rRuU]?['"]+([^'"\\\n]+)"""
)


# `trigger_dag_id="{{ … }}"`; in an f-string, two braces are one.
_TEMPLATED_REFERENCE: Final = re.compile(
    rb"""\b(trigger_dag_id|external_dag_id)\s*=\s*[rRuU]?(?:'[^'\n{]*\{\{|"[^"\n{]*\{\{)"""
)


def dag_modules(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The ``.py`` files whose text has the words that Airflow's safe mode looks for, in any of its versions.

    2.x wants ``airflow`` and ``dag``, 3.x takes ``asset`` for the latter. Which of them are loaded, the runtime
    decides with the server's own safe mode and ignore rules.
    """
    return tuple(path for path in sorted(files) if path.endswith(".py") and _may_hold_dags(files[path]))


def warnings_about(modules: tuple[str, ...], files: Mapping[str, bytes]) -> Iterator[str]:
    """What its author will want to know before Airflow says it, or because Airflow never will."""
    readings = {path: _reading_of(files[path]) for path in modules}
    for path, reading in readings.items():
        if reading.fault:
            yield f"{path}:{reading.fault_line}: no Python that this version reads: {reading.fault}"
    for dag_id, paths in _given_twice(readings, files).items():
        yield f"the DAG id {dag_id!r} is given in {' and in '.join(paths)}: an environment shows an import error"
    for path in sorted(files):
        yield from _templated_references(path, files[path])
    yield from warnings_about_servers_files(files)
    if len(modules) > _MANY_MODULES:
        yield (
            f"{len(modules)} DAG modules: Airflow reads those that an environment shows in one process, within "
            "`dag_file_processor_timeout` (50 s by default); `select` in dagbranch.yaml shows fewer"
        )


def _templated_references(path: str, source: bytes) -> Iterator[str]:
    """What the runtime cannot point to the environment's own DAG: its value is known when the task runs."""
    for match in _TEMPLATED_REFERENCE.finditer(source) if path.endswith(".py") else ():
        line = source.count(b"\n", 0, match.start()) + 1
        yield (
            f"{path}:{line}: {match[1].decode()} is templated: it stays as it is written, and may name a DAG outside "
            "of the environment"
        )


def is_unreadable(source: bytes) -> bool:
    """Whether this version of Python cannot read it."""
    return bool(_reading_of(source).fault)


def _may_hold_dags(source: bytes) -> bool:
    text = source.lower()
    return b"airflow" in text and (b"dag" in text or b"asset" in text)


@dataclass(frozen=True)
class _Reading:
    """``fault`` where it is no Python; ``possible_ids``: what stands, as text, where a DAG's id would."""

    fault: str
    fault_line: int
    possible_ids: frozenset[str]


_readings: dict[bytes, _Reading] = {}


def _reading_of(source: bytes) -> _Reading:
    """A process that goes on reads only the modules that a commit changed."""
    digest = hashlib.sha256(source).digest()
    if digest not in _readings:
        if len(_readings) >= _MOST_READINGS:
            _readings.clear()
        found = frozenset(match.decode(errors="replace") for match in _POSSIBLE_ID.findall(source))
        _readings[digest] = _Reading(*_fault_in(source), found)
    return _readings[digest]


def _fault_in(source: bytes) -> tuple[str, int]:
    """A symbol table costs half of a syntax tree, and a quarter of one that is walked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            symtable.symtable(source, "module", "exec")  # type: ignore[arg-type] # takes bytes, as compile does
        except SyntaxError as error:
            return error.msg, error.lineno or 1
        except (ValueError, RecursionError, MemoryError) as error:
            return str(error) or type(error).__name__, 1
    return "", 1


def _given_twice(readings: Mapping[str, _Reading], files: Mapping[str, bytes]) -> dict[str, list[str]]:
    """By id, the modules that give it, where they are several. Only what the text makes possible is parsed."""
    counts = Counter(dag_id for reading in readings.values() for dag_id in reading.possible_ids)
    ids = defaultdict(list)
    for path, reading in readings.items():
        if not reading.fault and any(counts[dag_id] > 1 for dag_id in reading.possible_ids):
            for dag_id in sorted(set(_literal_ids(files[path]))):
                ids[dag_id].append(path)
    return {dag_id: paths for dag_id, paths in ids.items() if len(paths) > 1}


def _literal_ids(source: bytes) -> Iterator[str]:
    """Ids written out in ``DAG("…")`` and ``@dag("…")`` calls; none of what is nested too deep to be walked."""
    try:
        tree = parsed(source)
    except UNREADABLE:
        return
    for node in ast.walk(tree):
        for given in given_dag_ids(node) if isinstance(node, ast.Call) else ():
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield given.value
