"""What every Airflow promises: the one in memory, and both doors to real ones."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol

import pytest

from dagbranch.domain.airflow_listing import FinishedRun, ListedDag, dags_of
from dagbranch.errors import StillRunningError
from dagbranch.ports import Airflow
from local.processes import wait_until


class Server(Protocol):
    """What happens at the server itself. The DAG ``name`` of an environment has the id ``qu.<environment>.<name>``."""

    most_characters: int  # of a DAG id that this door can delete

    def put_zip(self, environment: str, *names: str, broken: str | None = None) -> None:
        """Returns when Airflow has rows of these DAGs; the module ``broken`` cannot be imported."""

    def remove_zip(self, environment: str) -> None:
        """Returns when Airflow has let go of it."""

    def running(self, dag_id: str) -> AbstractContextManager[None]:
        """A task of the DAG runs meanwhile, unless somebody ends it."""

    def succeed(self, dag_id: str) -> FinishedRun:
        """Returns when a run of the DAG has succeeded that began after all before it had ended."""


class AirflowContract:
    def test_people_look_at_it_by_an_address_of_the_web(self, airflow: Airflow) -> None:
        pages = airflow.pages()

        assert pages is not None
        assert pages.of_environment("feature1").startswith("https://")
        assert pages.of_environment("feature1").endswith("?tags=feature1")
        assert re.fullmatch(r"\d+\.\d+\.\d+", pages.version)

    def test_what_stands_is_listed_and_paused_and_what_cannot_be_imported_is_told(
        self, airflow: Airflow, server: Server
    ) -> None:
        name = "x" * (250 - len("qu.stands."))
        server.put_zip("stands", name, "other", broken="no_such_luck")
        server.put_zip("stands_apart", "other")

        airflow.pause(f"qu.stands.{name}")
        wait_until(lambda: "stands" in failed(airflow), what="the import error is told", deadline_seconds=240)
        listed = airflow.dags("stands")

        rows = {row.dag_id: row for row in dags_of("stands", listed)}
        assert sorted(rows) == ["qu.stands.other", f"qu.stands.{name}"]
        assert len(rows) == len(listed)
        assert rows[f"qu.stands.{name}"].is_paused
        assert all("stands" in row.tags and row.is_active is not False for row in rows.values())

    def test_what_is_gone_from_the_bucket_is_deleted_however_often(self, airflow: Airflow, server: Server) -> None:
        name = "x" * (server.most_characters - len("qu.leaves."))
        server.put_zip("leaves", name)
        server.put_zip("stays", "other")
        server.remove_zip("leaves")

        left = own_rows(airflow, "leaves")
        airflow.delete_dag(f"qu.leaves.{name}")
        airflow.delete_dag(f"qu.leaves.{name}")

        assert [row.is_active for row in left] == ([False] if airflow.lists_let_go else [])
        listed = airflow.dags()
        assert dags_of("leaves", listed) == []
        assert [row.dag_id for row in dags_of("stays", listed)] == ["qu.stays.other"]

    def test_task_that_runs_is_ended_or_keeps_its_dag(self, airflow: Airflow, server: Server) -> None:
        server.put_zip("runs", "busy")

        with server.running("qu.runs.busy"):
            runs = airflow.end_runs(["qu.runs.busy"])
            if runs.still_running:
                with pytest.raises(StillRunningError, match=r"qu\.runs\.busy"):
                    airflow.delete_dag("qu.runs.busy")
            else:
                airflow.delete_dag("qu.runs.busy")

        assert [run.partition("/")[0] for run in (*runs.ended, *runs.still_running)] == ["qu.runs.busy"]

    def test_last_good_run_of_each_dag_is_told_that_began_in_the_time_that_is_asked_for(
        self, airflow: Airflow, server: Server
    ) -> None:
        server.put_zip("succeeds", "good", "never", "later")
        good, never, later = ("qu.succeeds.good", "qu.succeeds.never", "qu.succeeds.later")
        first, second, third = server.succeed(good), server.succeed(good), server.succeed(later)
        before, asked = first.began_at - timedelta(seconds=1), [good, never, later, "qu.gone.dag", "no id; at all"]

        with server.running(never):
            since = {run.dag_id: run.ended_at for run in (second, third)}
            assert airflow.succeeded(asked, before) == since
        assert airflow.succeeded([good, later], before, third.began_at) == {good: second.ended_at}
        assert airflow.succeeded([good], before, second.began_at) == {good: first.ended_at}
        assert airflow.succeeded([good, later], second.began_at) == {later: third.ended_at}
        assert airflow.succeeded([], before) == {}


def failed(airflow: Airflow) -> set[str | None]:
    """The zips that have an import error."""
    return {failure.zip_name for failure in airflow.import_failures() if "no such luck" in failure.stack_trace}


def own_rows(airflow: Airflow, environment: str) -> list[ListedDag]:
    return dags_of(environment, airflow.dags(environment))
