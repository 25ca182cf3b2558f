"""An Airflow server with the DAGs of many environments, which counts the requests that its REST API would get."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from benchmarks.parts.scale_meter import Meter
from dagbranch.domain.airflow_listing import ImportFailure, ListedDag
from dagbranch.domain.naming import commit_tag
from dagbranch.ports import Runs

LETS_GO_AFTER: Final = timedelta(seconds=10)  # of the zip: a sync of the bucket and a round of the DAG processor
_PAGE: Final = 100


class ScaleAirflow:
    """``stands`` tells whether an environment's zip is there; of one that is gone, rows stay until deleted."""

    lists_let_go = True

    def __init__(
        self, stands: Callable[[str], bool], clock: Callable[[], datetime], dags: Sequence[str], meter: Meter
    ) -> None:
        self._stands = stands
        self._clock = clock
        self._dags = dags
        self._meter = meter
        self._rows: dict[str, dict[str, ListedDag]] = {}
        self._gone_at: dict[str, datetime] = {}

    def pages(self) -> None:
        """Nobody looks at it."""

    def add(self, environment: str, head_sha: str) -> None:
        """Its zip has been parsed at this commit."""
        rows = (self._row(environment, head_sha, name) for name in self._dags)
        self._rows[environment] = {row.dag_id: row for row in rows}

    def dags(self, environment: str | None = None) -> Sequence[ListedDag]:
        with self._meter.outside():
            asked = list(self._rows) if environment is None else [environment]
            found = [row for name in asked for row in self._rows_of(name)]
        self._meter.count("Airflow GET /dags", max(1, math.ceil(len(found) / _PAGE)))
        return found

    def import_failures(self) -> Sequence[ImportFailure]:
        self._meter.count("Airflow GET /importErrors")
        return []

    def succeeded(self, *_: object, **__: object) -> Mapping[str, datetime]:
        """Nothing has run, and no preview asks."""
        return {}

    def pause(self, dag_id: str) -> None:
        self._meter.count("Airflow PATCH /dags/{dag_id}")
        rows = self._rows[_environment_of(dag_id)]
        rows[dag_id] = replace(rows[dag_id], is_paused=True)

    def end_runs(self, dag_ids: Collection[str]) -> Runs:
        self._meter.count("Airflow POST /dags/~/dagRuns/list", math.ceil(len(dag_ids) / _PAGE))
        return Runs()

    def delete_dag(self, dag_id: str) -> None:
        self._meter.count("Airflow DELETE /dags/{dag_id}")
        self._rows[_environment_of(dag_id)].pop(dag_id, None)

    def _rows_of(self, environment: str) -> list[ListedDag]:
        rows = self._rows.get(environment, {}).values()
        if not rows or self._stands(environment):
            return list(rows)
        gone_at = self._gone_at.setdefault(environment, self._clock())
        return [replace(row, is_active=self._clock() - gone_at < LETS_GO_AFTER) for row in rows]

    def _row(self, environment: str, head_sha: str, name: str) -> ListedDag:
        tags = frozenset({environment, commit_tag(head_sha)})
        location = f"/usr/local/airflow/dags/{environment}.zip/dag__{name}.py"
        return ListedDag(f"qu.{environment}.{name}", location, tags, is_active=True, parsed_at=self._clock())


def _environment_of(dag_id: str) -> str:
    return dag_id.split(".")[1]
