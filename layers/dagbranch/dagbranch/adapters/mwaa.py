"""Airflow on MWAA through whichever of its two doors is open: ``InvokeRestApi`` and the CLI endpoint.

For a function: ``MwaaAirflow(boto3.client("mwaa"), settings.mwaa_environment, urllib3.PoolManager(), leases=…,
door=settings.airflow_door)``. Its policy allows ``airflow:InvokeRestApi`` on the Airflow role unless the door is
``cli``, and ``airflow:CreateCliToken`` on the environment unless it is ``rest``; with ``airflow:GetEnvironment`` on the
environment, ``pages`` knows where people look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import urllib3

from dagbranch.adapters.airflow_cli import CliDoor
from dagbranch.adapters.airflow_rest import OutOfReachError, RestDoor
from dagbranch.adapters.aws_errors import translated
from dagbranch.domain.airflow_listing import ImportFailure, ListedDag
from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.errors import TransientUpstreamError, UpstreamError
from dagbranch.ports import Leases, Runs

if TYPE_CHECKING:
    from mypy_boto3_mwaa import MWAAClient

type Door = Literal["auto", "cli", "rest"]
type _Opened = CliDoor | RestDoor


class MwaaAirflow:
    """One MWAA environment. ``auto``: the REST API where it is there and its path is short enough, else the CLI."""

    def __init__(
        self, client: MWAAClient, name: str, http: urllib3.PoolManager, *, leases: Leases, door: Door = "auto"
    ) -> None:
        cli, rest = CliDoor(client, name, http, leases), RestDoor(client, name)
        self._doors: tuple[_Opened, ...] = {"auto": (rest, cli), "cli": (cli,), "rest": (rest,)}[door]
        self._client = client
        self._name = name
        self._pages: AirflowPages | None = None
        self._has_asked = False

    @property
    def lists_let_go(self) -> bool:
        return self._through(lambda door: door.lists_let_go)

    def pages(self) -> AirflowPages | None:
        """Asked once; what AWS does not tell, or not now, keeps nobody from his work: it is only a link."""
        if not self._has_asked:
            try:
                self._pages = self._described()
            except TransientUpstreamError:
                return None
            except UpstreamError:
                self._pages = None
            self._has_asked = True
        return self._pages

    def dags(self, environment: str | None = None) -> Sequence[ListedDag]:
        return self._through(lambda door: door.dags(environment))

    def import_failures(self) -> Sequence[ImportFailure]:
        return self._through(lambda door: door.import_failures())

    def succeeded(
        self, dag_ids: Collection[str], since: datetime, until: datetime | None = None
    ) -> Mapping[str, datetime]:
        return self._through(lambda door: door.succeeded(dag_ids, since, until))

    def pause(self, dag_id: str) -> None:
        self._through(lambda door: door.pause(dag_id))

    def end_runs(self, dag_ids: Collection[str]) -> Runs:
        return self._through(lambda door: door.end_runs(dag_ids))

    def delete_dag(self, dag_id: str) -> None:
        self._through(lambda door: door.delete_dag(dag_id))

    def _described(self) -> AirflowPages | None:
        with translated(f"asking for the MWAA environment {self._name} (airflow:GetEnvironment)"):
            described = self._client.get_environment(Name=self._name).get("Environment", {})
        host, version = described.get("WebserverUrl", ""), described.get("AirflowVersion", "")
        if not host or not version:
            return None
        return AirflowPages(f"https://{host.removeprefix('https://').rstrip('/')}", version)

    def _through[T](self, ask: Callable[[_Opened], T]) -> T:
        """By the first door that leads there."""
        *first, last = self._doors
        for door in first:
            try:
                return ask(door)
            except OutOfReachError:
                continue
        return ask(last)
