"""An Airflow server in memory over a dags folder: it lists what it parsed, and forgets nothing by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from dagbranch.domain.airflow_listing import FinishedRun, ImportFailure, ListedDag
from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.domain.naming import commit_tag
from dagbranch.errors import StillRunningError
from dagbranch.ports import Runs
from tests.fakes.buckets import InMemoryDagsBucket

_FOLDER = "/usr/local/airflow/dags"


class InMemoryAirflow:
    """Behaves as measured (facts.md): a row outlives its zip until it is deleted, and comes back while the zip stands.

    ``defines`` are the rest of the DAG ids that each environment's zip defines at its next parse; ``broken`` the
    import errors by stub; ``running`` the ids that cannot be deleted, ``can_be_ended`` those whose runs can be ended;
    ``good_runs`` what succeeded; ``found_at`` where people look at it; ``stubs`` the files of those DAGs that are not
    in one of their own name.
    """

    def __init__(self, dags: InMemoryDagsBucket) -> None:
        self.rows: dict[str, ListedDag] = {}
        self.defines: dict[str, tuple[str, ...]] = {}
        self.stubs: dict[str, str] = {}
        self.broken: dict[str, Mapping[str, str]] = {}
        self.running: set[str] = set()
        self.can_be_ended: set[str] = set()
        self.good_runs: list[FinishedRun] = []
        self.lists_let_go = True
        self.found_at: AirflowPages | None = AirflowPages("https://airflow.example.com", "3.0.6")
        self._dags = dags
        self._failures: dict[str, ImportFailure] = {}

    def parse(self, now: datetime) -> None:
        """One round of the DAG processor."""
        self.rows = {dag_id: replace(row, is_active=self._stands(row)) for dag_id, row in self.rows.items()}
        self._failures = {}
        for environment, rest in self.defines.items():
            standing = self._dags.zip(environment)
            if standing is None:
                continue
            tag = commit_tag(standing.marker["dagbranch-head-sha"])
            for name in rest:
                location = f"{_FOLDER}/{environment}.zip/{self.stubs.get(name, f'dag__{name}.py')}"
                row = ListedDag(
                    f"qu.{environment}.{name}", location, frozenset({environment, tag}), is_active=True, parsed_at=now
                )
                known = self.rows.get(row.dag_id, row)
                self.rows[row.dag_id] = replace(row, is_paused=known.is_paused)
            for stub, trace in self.broken.get(environment, {}).items():
                note = f"dagbranch: environment {environment}, {tag}\n"
                self._failures[stub] = ImportFailure(f"{_FOLDER}/{environment}.zip/{stub}", note + trace, now)

    def pages(self) -> AirflowPages | None:
        return self.found_at

    def dags(self, environment: str | None = None) -> Sequence[ListedDag]:
        tagged = [row for row in self.rows.values() if environment is None or environment in row.tags]
        return [row for row in tagged if row.is_active or self.lists_let_go]

    def import_failures(self) -> Sequence[ImportFailure]:
        return list(self._failures.values())

    def succeeded(
        self, dag_ids: Collection[str], since: datetime, until: datetime | None = None
    ) -> Mapping[str, datetime]:
        found = [run for run in self.good_runs if run.dag_id in dag_ids and run.is_within(since, until)]
        return {run.dag_id: run.ended_at for run in sorted(found, key=lambda run: run.ended_at)}

    def pause(self, dag_id: str) -> None:
        if dag_id in self.rows:
            self.rows[dag_id] = replace(self.rows[dag_id], is_paused=True)

    def end_runs(self, dag_ids: Collection[str]) -> Runs:
        ended = self.running & self.can_be_ended & set(dag_ids)
        self.running -= ended
        return Runs(tuple(sorted(ended)), tuple(sorted(self.running & set(dag_ids))))

    def delete_dag(self, dag_id: str) -> None:
        if dag_id in self.running:
            raise StillRunningError(dag_id)
        self.rows.pop(dag_id, None)

    def _stands(self, row: ListedDag) -> bool:
        name = row.file_location.removeprefix(f"{_FOLDER}/").partition(".zip/")[0]
        return row.is_active is True and self._dags.zip(name) is not None
