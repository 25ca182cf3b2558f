"""What differs between what Airflow tells of the plain dags folder and of a packaged environment: pure, over JSON.

Names are mapped back only where they are what they seem: places by whole paths, ids by the whole id of a DAG that the
plain folder has, tags by the tags that an environment adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.equality.sides import COMMIT, ENVIRONMENT, Side, assigned
from tests.equality.words import DAGS_FOLDER, ROOT, Substitution, Words, id_of

# The kinds. Only the first is none that can be expected.
DIFFERS: Final = "differs"
DUPLICATE: Final = "duplicate id"
ONE_OWNER: Final = "one owner"
ENDS_THE_PROCESS: Final = "ends the process"
SERVERS_FOLDER: Final = "dags folder"
ZIP_INSIDE: Final = "zip inside"
KINDS: Final = (DUPLICATE, ONE_OWNER, ENDS_THE_PROCESS, SERVERS_FOLDER, ZIP_INSIDE)

_IDS: Final = frozenset({"dag_id", "_dag_id", "trigger_dag_id", "external_dag_id"})
# Airflow makes these of sets, whose order follows the ids.
_SETS: Final = frozenset({"dag_dependencies", "template_fields", "set"})
_MACROS: Final = frozenset({"artifact", "commit", "environment", "lane", "schema", "setting"})
_FRAME: Final = re.compile(r'File "<root>/(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.+)')


_ASSETS_URI: Final = "uri of an asset"
# Airflow tells errors of its own checks with the bare name of their type, tracebacks have the module before it.
_QUALIFIED: Final = re.compile(r"^(?:\w+\.)+(?=\w+(?::|$))")


@dataclass(frozen=True)
class Difference:
    """``kind`` says what is known to be different by design, or that it is not: DIFFERS."""

    kind: str
    where: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}" + (f": {self.text}" if self.text else "")


def differences(plain: Mapping[str, Any], packaged: Mapping[str, Any], here: Side, there: Side) -> list[Difference]:
    """``plain`` and ``packaged``: what observe.py tells of the sides ``here`` and ``there``."""
    comparison = _Comparison(plain, packaged, here, there)
    return [*comparison.files(), *comparison.dags(), *comparison.errors()]


def unsteady(plain: Mapping[str, Any], again: Mapping[str, Any], side: Side) -> frozenset[str]:
    """The places that differ between two loads of the plain folder; ``again`` may have fewer modules."""
    words = Words(side, side)
    first, second = words.dags_by_module(plain["dags"]), words.dags_by_module(again["dags"])
    comparison = _Comparison(plain, again, side, side)
    return frozenset(
        one.where
        for module, dags in second.items()
        for dag_id in dags.keys() & first.get(module, {}).keys()
        for one in comparison.tree(
            f"{module} {dag_id}", words.normal(first[module][dag_id]), words.normal(dags[dag_id])
        )
    )


class _Comparison:
    def __init__(self, plain: Mapping[str, Any], packaged: Mapping[str, Any], here: Side, there: Side) -> None:
        self._here, self._there, self._packaged = Words(here, there), Words(there, there), packaged
        self._zip = str(there.zip_file)
        self._plain_dags = self._here.dags_by_module(plain["dags"])
        ids = {dag_id for dags in self._plain_dags.values() for dag_id in dags}
        self._ids = {dag_id: assigned(dag_id) for dag_id in ids} if there.rewrites else {}
        self._back = Substitution(self._ids)
        self._packaged_dags = {
            module: {self._back(dag_id): dag for dag_id, dag in dags.items()}
            for module, dags in self._there.dags_by_module(packaged["dags"]).items()
        }
        # An id that the code made of another DAG's: its other parts are as the code has them.
        made = {self._back(dag_id): dag_id for dag_id in map(id_of, packaged["dags"])}
        self._ids.update({dag_id: found for dag_id, found in made.items() if dag_id in self._ids})
        self._plain_errors = self._here.errors_by_module(plain["errors"])
        self._packaged_errors = self._there.errors_by_module(packaged["errors"])

    def files(self) -> Iterator[Difference]:
        """Airflow has to find the zip, and nothing else of the environment."""
        if self._packaged["files"] != [self._zip]:
            yield Difference(DIFFERS, "files", f"Airflow finds {self._packaged['files']}, not the zip alone")

    def dags(self) -> Iterator[Difference]:
        for module in sorted(self._plain_dags.keys() | self._packaged_dags.keys()):
            plain, packaged = self._plain_dags.get(module, {}), self._packaged_dags.get(module, {})
            for dag_id in sorted(plain.keys() - packaged.keys()):
                yield self._missing(module, dag_id)
            for dag_id in sorted(packaged.keys() - plain.keys()):
                yield Difference(DIFFERS, f"{module} {dag_id}", "only in the package")
            for dag_id in sorted(plain.keys() & packaged.keys()):
                yield from self._dag(f"{module} {dag_id}", plain[dag_id], packaged[dag_id])

    def errors(self) -> Iterator[Difference]:
        plain, packaged = self._plain_errors, self._packaged_errors
        for module in sorted(plain.keys() | packaged.keys()):
            if module not in plain:
                kind = DUPLICATE if "DuplicateDagIdError" in packaged[module] else DIFFERS
                yield Difference(kind, module, f"import error only in the package: {packaged[module]!r}")
            elif module not in packaged:
                yield Difference(DIFFERS, module, f"import error only in the plain folder: {plain[module]!r}")
            else:
                yield from self._error(module, plain[module], packaged[module])

    def _as_import_error(self, plain: str, packaged: str) -> str | None:
        """What is no Exception ends a process of Airflow 2, and would end that of the whole zip in any version."""
        last = _said(packaged)[-1]
        ended = plain == "the process ended" and last.startswith("ImportError: SystemExit: ")
        told = _said(plain)[-1].startswith("SystemExit: ") and last == f"ImportError: {_said(plain)[-1]}"
        return ENDS_THE_PROCESS if ended or told else None

    def _missing(self, module: str, dag_id: str) -> Difference:
        if "DuplicateDagIdError" in self._packaged_errors.get(module, ""):
            return Difference(DUPLICATE, f"{module} {dag_id}", "no DAG of this module is in the package")
        if ".zip/" in module:
            return Difference(ZIP_INSIDE, f"{module} {dag_id}", "Airflow loads it in the plain folder alone")
        holders = {other for other, dags in self._plain_dags.items() if dag_id in dags}
        owners = {other for other, dags in self._packaged_dags.items() if dag_id in dags}
        if len(holders) > 1 and len(owners) == 1 and owners < holders:
            return Difference(ONE_OWNER, f"{module} {dag_id}", f"is {owners.pop()}'s in the package")
        return Difference(DIFFERS, f"{module} {dag_id}", "only in the plain folder")

    def _dag(self, where: str, plain: Mapping[str, Any], packaged: Mapping[str, Any]) -> Iterator[Difference]:
        one, other = self._here.normal(plain), self._there.normal(packaged)
        for part in ("serialized", "live"):
            attributes = "attributes" if part == "live" else ""
            yield from self._tags(f"{where} {part}", _inside(one[part], attributes), _inside(other[part], attributes))
        yield from self._environments_own(where, one["live"], other["live"])
        yield from self.tree(where, one, other)

    def tree(self, where: str, one: Any, other: Any) -> Iterator[Difference]:
        return self._tree(where, "", one, other)

    def _tags(self, where: str, plain: dict[str, Any], packaged: dict[str, Any]) -> Iterator[Difference]:
        """Takes them out of both."""
        told = any(f"dagbranch: environment {ENVIRONMENT}" in error for error in self._packaged["errors"].values())
        added = {ENVIRONMENT, f"commit:{COMMIT[:7]}", *(["import-errors"] if told else [])}
        expected, found = _texts(plain.pop("tags", None)) | added, _texts(packaged.pop("tags", None))
        if expected != found:
            yield Difference(DIFFERS, f"{where}.tags", f"expected {sorted(expected)}, packaged {sorted(found)}")

    def _environments_own(self, where: str, plain: Any, packaged: Any) -> Iterator[Difference]:
        """The search path and the macros: what the environment adds has its place in them, and is taken out."""
        here, there = ([entry.rstrip("/") for entry in live.pop("search")] for live in (plain, packaged))
        # Airflow puts the folder of the DAG's file first: for a stub that is the zip.
        if here and there != [self._there.zip_as_folder, *here, ROOT]:
            yield Difference(DIFFERS, f"{where} search path", f"plain {here}, packaged {there}")
        for attributes in (plain["attributes"], packaged["attributes"]):
            attributes.pop("template_searchpath", None)
        given = plain["attributes"].get("user_defined_macros") or {}
        macros = packaged["attributes"].get("user_defined_macros") or {}
        kept = {name: value for name, value in macros.items() if name not in _MACROS or name in given}
        plain["attributes"]["user_defined_macros"], packaged["attributes"]["user_defined_macros"] = given, kept

    def _tree(self, where: str, key: str, one: Any, other: Any) -> Iterator[Difference]:
        if isinstance(one, dict) and isinstance(other, dict):
            if key == "subdag":
                yield from self._tags(where, one, other)
            other = {name if name in one else self._back(name): value for name, value in other.items()}
            for name in sorted(one.keys() | other.keys()):
                place = _ASSETS_URI if name == "uri" and _is_asset(one) else name
                yield from self._tree(f"{where}.{name}", place, one.get(name), other.get(name))
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            for number, pair in enumerate(zip(*self._ordered(key, one, other), strict=True)):
                yield from self._tree(f"{where}[{number}]", key, *pair)
        elif not self._same(key, one, other):
            servers = isinstance(other, str) and self._same(key, one, other.replace(DAGS_FOLDER, ROOT))
            yield Difference(SERVERS_FOLDER if servers else DIFFERS, where, f"plain {one!r}, packaged {other!r}")

    def _ordered(self, key: str, one: list[Any], other: list[Any]) -> tuple[list[Any], list[Any]]:
        if key not in _SETS:
            return one, other
        return sorted(one, key=repr), sorted(other, key=lambda item: self._back(repr(item)))

    def _same(self, key: str, one: Any, other: Any) -> bool:
        """In places of their own, ids and URIs have to be the environment's; in a text they may be."""
        if not isinstance(one, str) or not isinstance(other, str):
            return type(one) is type(other) and one == other
        if key in _IDS and one in self._ids:
            return other == self._ids[one]
        if key == _ASSETS_URI and self._ids:
            return other != one and self._back(other) == one
        return other == one or self._back(other) == one

    def _error(self, module: str, plain: str, packaged: str) -> Iterator[Difference]:
        if (kind := self._as_import_error(plain, packaged)) is not None:
            yield Difference(kind, module, _said(packaged)[-1])
            return
        failed = Substitution({dag_id: assigned(dag_id) for dag_id in _possible_ids(plain)} if self._ids else {})
        if (one := _said(plain)) != (other := _said(failed(self._back(packaged)))):
            yield Difference(DIFFERS, f"{module} import error", f"plain {one}, packaged {other}")
        if (here := _frames(plain)) != (there := _frames(packaged)):
            yield Difference(DIFFERS, f"{module} traceback", f"plain {here}, packaged {there}")


def _possible_ids(error: str) -> set[str]:
    """Of DAGs that came to nothing: whatever the plain error's own lines have in quotes or as a word."""
    text = " ".join(_said(error))
    return {found for groups in re.findall(r"'([^']+)'|([\w.-]*\w)", text) for found in groups if found}


def _is_asset(found: Mapping[str, Any]) -> bool:
    """Also a dataset, and a reference by URI: serialized within its type, with ``extra`` beside it, or live."""
    kind = str(found.get("__type", "")) + str(found.get("class", "")).rpartition(".")[2].lower()
    return kind.startswith(("asset", "dataset")) or {"uri", "extra"} <= found.keys()


def _inside(value: Any, key: str) -> dict[str, Any]:
    found: dict[str, Any] = value[key] if key else value
    return found


def _texts(tags: Any) -> set[str]:
    return set(tags["set"] if isinstance(tags, dict) else tags or ())


def _said(error: str) -> list[str]:
    """The exceptions' own lines, without those that tell of which environment they are."""
    lines = [_QUALIFIED.sub("", one) for one in error.strip().splitlines() if not one.startswith((" ", "Traceback "))]
    return [line for line in lines if not line.startswith(f"dagbranch: environment {ENVIRONMENT}, ")]


def _frames(error: str) -> list[tuple[str, str]]:
    return [(match["file"], match["line"]) for match in _FRAME.finditer(error)]
