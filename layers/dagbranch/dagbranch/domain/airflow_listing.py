"""What Airflow tells of itself: the rows of its DAGs and its import errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dagbranch.errors import InvalidEventError

_ZIP: Final = re.compile(r"/([^/]+)\.zip(?:/|\Z)")
_DAG_ID: Final = re.compile(r"[\w.-]{1,250}")  # letters of any language, as Airflow has it (KEY_REGEX)


@dataclass(frozen=True)
class ListedDag:
    """A DAG row of Airflow; ``is_active`` is false once the server has let go of its file, None where nobody tells."""

    dag_id: str
    file_location: str
    tags: frozenset[str]
    is_active: bool | None
    parsed_at: datetime | None
    is_paused: bool = False

    @property
    def zip_name(self) -> str | None:
        """The name of the packaged DAG that its file lies in, without ``.zip``; None for any other file."""
        return _zip_name(self.file_location)


@dataclass(frozen=True)
class FinishedRun:
    dag_id: str
    began_at: datetime
    ended_at: datetime

    def is_within(self, since: datetime, until: datetime | None) -> bool:
        """Whether it began then."""
        return since < self.began_at and (until is None or self.began_at < until)


@dataclass(frozen=True)
class ImportFailure:
    file_location: str
    stack_trace: str
    at: datetime | None

    @property
    def zip_name(self) -> str | None:
        return _zip_name(self.file_location)


def dags_of(environment: str, listed: Iterable[ListedDag]) -> list[ListedDag]:
    """Those whose file lies in the environment's zip: a tag alone proves nothing, anybody can give it to a DAG."""
    return sorted((dag for dag in listed if dag.zip_name == environment), key=lambda dag: dag.dag_id)


def is_dag_id(text: str) -> bool:
    """Whether Airflow allows it as an id."""
    return _DAG_ID.fullmatch(text) is not None and not text.startswith("-")


def check_dag_id(dag_id: str) -> str:
    """The id, where it is one that Airflow allows: it goes into a command line. Raises InvalidEventError else."""
    if not is_dag_id(dag_id):
        raise InvalidEventError(f"Airflow lists {dag_id!r}, which is no DAG id")
    return dag_id


def _zip_name(file_location: str) -> str | None:
    found = _ZIP.search(file_location)
    return found.group(1) if found else None
