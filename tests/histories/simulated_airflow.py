"""An Airflow server that syncs the bucket late, parses what it has, runs tasks, and shows itself through one door."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from dagbranch.domain.airflow_listing import ImportFailure, ListedDag
from dagbranch.domain.naming import commit_tag
from dagbranch.domain.packaging import read_manifest
from tests.fakes.airflow import InMemoryAirflow
from tests.fakes.buckets import InMemoryDagsBucket, StoredObject

FOLDER: Final = "/usr/local/airflow/dags"
EVERY: Final = timedelta(seconds=30)  # MWAA's sync of the bucket; the scan interval that facts.md finds fine
FOREIGN: Final = ListedDag(
    "finance.report", f"{FOLDER}/finance.py", frozenset({"finance"}), is_active=True, parsed_at=None
)


class SimulatedAirflow(InMemoryAirflow):
    """``is_stalled``: its DAG processor stands still. ``cut_off``: a zip whose next parse shows its first DAG alone.

    Without ``tells_all``, it has the CLI endpoint alone: no import errors, and nothing of a zip that it has let go of.
    """

    def __init__(self, bucket: InMemoryDagsBucket, *, tells_all: bool) -> None:
        super().__init__(bucket)
        self.lists_let_go = tells_all
        self.is_stalled = False
        self.cut_off: str | None = None
        self.synced: Mapping[str, StoredObject] = {}
        self.rows[FOREIGN.dag_id] = FOREIGN
        self._bucket = bucket
        self._parsed_at: datetime | None = None

    def pass_time(self, now: datetime) -> None:
        """What the server does by itself: at each look the copy is synced first, in the same half minute."""
        if self.is_stalled or (self._parsed_at is not None and now - self._parsed_at < EVERY):
            return
        self._parsed_at = now
        self.synced = {key: one for key, one in self._bucket.objects.items() if key.endswith(".zip")}
        self.parse(now)

    def parse(self, now: datetime) -> None:
        standing = {key.removesuffix(".zip") for key in self.synced}
        for row in list(self.rows.values()):
            if row.zip_name is not None and row.zip_name not in standing:
                self.rows[row.dag_id] = replace(row, is_active=False)
        self._failures = {}
        for name in sorted(standing):
            self._parse_zip(name, self.synced[f"{name}.zip"], now)

    def dags(self, environment: str | None = None) -> Sequence[ListedDag]:
        found = super().dags(environment)
        if self.lists_let_go:
            return found
        return [replace(row, is_active=None, parsed_at=None) for row in found if row.is_active]

    def import_failures(self) -> Sequence[ImportFailure]:
        return super().import_failures() if self.lists_let_go else []

    def start_task(self, dag_id: str) -> bool:
        """Whether it began: nothing does in a paused DAG, or one that Airflow let go of."""
        row = self.rows[dag_id]
        if row.is_active and not row.is_paused:
            self.running.add(dag_id)
        return dag_id in self.running

    def _parse_zip(self, name: str, standing: StoredObject, now: datetime) -> None:
        tag = commit_tag(standing.marker.get("dagbranch-head-sha", ""))
        modules = self._selected(name, standing)
        failing = [stub for stub, source in modules if "broken" in source]
        tags = frozenset({name, tag, *(["import-errors"] if failing else [])})
        shown = [source for stub, source in modules if "soon" not in source and stub not in failing]
        if self.cut_off == name:
            shown, self.cut_off = shown[:1], None
        for source in shown:
            self._show(name, PurePosixPath(source).stem, tags, now)
        for stub in failing:
            trace = f"dagbranch: environment {name}, {tag}\nModuleNotFoundError: no_such_module"
            self._failures[stub] = ImportFailure(f"{FOLDER}/{name}.zip/{stub}", trace, now)

    def _selected(self, name: str, standing: StoredObject) -> list[tuple[str, str]]:
        """The modules that the runtime shows, by stub; without a configuration it shows none."""
        configuration = self._bucket.configuration(name, standing.marker.get("dagbranch-source-digest", ""))
        if configuration is None:
            return []
        selected = json.loads(configuration)["selected"]
        modules = sorted(read_manifest(standing.content).modules.items())
        return [(stub, source) for stub, source in modules if selected is None or source in selected]

    def _show(self, name: str, stem: str, tags: frozenset[str], now: datetime) -> None:
        dag_id = f"qu.{name}.{stem}"
        is_paused = self.rows[dag_id].is_paused if dag_id in self.rows else False
        location = f"{FOLDER}/{name}.zip/dag__{stem}.py"
        self.rows[dag_id] = ListedDag(dag_id, location, tags, is_active=True, parsed_at=now, is_paused=is_paused)
