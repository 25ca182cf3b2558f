"""What each side of a comparison calls things, and the way back from an environment's names to the written ones."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.equality.sides import ENVIRONMENT, Side

ROOT: Final = "<root>"
# The server's, which for a plain folder is the root.
DAGS_FOLDER: Final = "<dags folder>"
_FILES: Final = frozenset({"fileloc", "relative_fileloc", "file"})
_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")


class Words:
    """How one side calls things: paths and modules are brought to what both sides call them."""

    def __init__(self, side: Side, packaged: Side) -> None:
        self._side = side
        self._root = re.compile(re.escape(str(side.root)) + r"(?=[^\w.-]|$)")
        self._dags = re.compile(re.escape(str(side.dags)) + rf"(?=[^\w.-]|$)(?!/{ENVIRONMENT}\.zip)")
        self._stub = re.compile(re.escape(str(side.zip_file)) + r"/([\w.-]+\.py)")
        self.zip_as_folder = str(side.zip_file)
        self._names = {}
        for path in packaged.modules.values():
            natural = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            self._names[_airflows_name(str(side.root / path))] = natural
            self._names[f"_dagbranch_{hashlib.sha256(path.encode()).hexdigest()[:12]}"] = natural
        longest_first = sorted(self._names, key=len, reverse=True)
        self._name = re.compile("|".join(re.escape(name) for name in longest_first) or r"(?!)")

    def normal(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {self._text(name): self.normal(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self.normal(item, key) for item in value]
        if not isinstance(value, str):
            return value
        if key == "_processor_dags_folder":
            return ROOT if value == str(self._side.dags) else value
        return self._file(value) if key in _FILES else self._text(value)

    def dags_by_module(self, dags: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for dag in dags:
            found[self._module(dag["file"])][id_of(dag)] = dag
        return found

    def errors_by_module(self, errors: Mapping[str, str]) -> dict[str, str]:
        return {self._module(file): self._text(text) for file, text in errors.items()}

    def _module(self, file: str) -> str:
        return self._file(file).removeprefix(f"{ROOT}/")

    def _file(self, file: str) -> str:
        """A DAG's file, absolute or within the dags folder; a stub stands for its module."""
        absolute = file if file.startswith("/") else str(self._side.dags / file)
        if (stub := self._stub.fullmatch(absolute)) and stub[1] in self._side.modules:
            return f"{ROOT}/{self._side.modules[stub[1]]}"
        return self._text(absolute if absolute.startswith(str(self._side.root)) else file)

    def _text(self, text: str) -> str:
        text = self._dags.sub(DAGS_FOLDER, self._root.sub(ROOT, _ADDRESS.sub("", text)))
        return self._name.sub(lambda match: self._names[match[0]], text)


class Substitution:
    """From the environment's names to the written ones: whole ids, the longest first, and the marks of assets."""

    def __init__(self, assigned: Mapping[str, str]) -> None:
        """``assigned``: by the written ids; empty where nothing is rewritten."""
        written = {there: here for here, there in assigned.items()}
        self._by = {
            **written,
            # What Airflow 2 makes of an id for metrics.
            **{
                assigned.replace(".", "__dot__"): dag_id.replace(".", "__dot__") for assigned, dag_id in written.items()
            },
            f"?dagbranch={ENVIRONMENT}&": "?",
            f"?dagbranch={ENVIRONMENT}": "",
            f"&dagbranch={ENVIRONMENT}": "",
            f"@{ENVIRONMENT}": "",
        }
        alternatives = "|".join(re.escape(one) for one in sorted(self._by, key=len, reverse=True))
        self._pattern = re.compile(alternatives) if written else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(lambda match: self._by[match[0]], text) if self._pattern else text


def _airflows_name(file: str) -> str:
    """As Airflow's ``get_unique_dag_module_name`` has it."""
    digest = hashlib.sha1(file.encode(), usedforsecurity=False).hexdigest()
    return f"unusual_prefix_{digest}_{re.sub('[.-]', '_', Path(file).stem)}"


def id_of(dag: Mapping[str, Any]) -> str:
    """Of a DAG that observe.py tells of."""
    return str(dag["serialized"].get("dag_id") or dag["serialized"]["_dag_id"])
