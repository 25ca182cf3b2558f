"""Airflow on MWAA through whichever of its two doors is open: ``InvokeRestApi`` and the CLI endpoint.

For a function: ``MwaaAirflow(boto3.client("mwaa"), settings.mwaa_environment, urllib3.PoolManager(), leases=…,
door=settings.airflow_door)``. Its policy allows ``airflow:InvokeRestApi`` on the Airflow role unless the door is
``cli``, and ``airflow:CreateCliToken`` on the environment unless it is ``rest``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Literal

import urllib3

from dagbranch.adapters.airflow_cli import CliDoor
from dagbranch.adapters.airflow_rest import OutOfReachError, RestDoor
from dagbranch.domain.airflow_listing import ImportFailure, ListedDag
from dagbranch.ports import Airflow, Leases, Runs

if TYPE_CHECKING:
    from mypy_boto3_mwaa import MWAAClient

type Door = Literal["auto", "cli", "rest"]


class MwaaAirflow:
    """One MWAA environment. ``auto``: the REST API where it is there and its path is short enough, else the CLI."""

    def __init__(
        self, client: MWAAClient, name: str, http: urllib3.PoolManager, *, leases: Leases, door: Door = "auto"
    ) -> None:
        cli, rest = CliDoor(client, name, http, leases), RestDoor(client, name)
        self._doors: tuple[Airflow, ...] = {"auto": (rest, cli), "cli": (cli,), "rest": (rest,)}[door]

    @property
    def lists_let_go(self) -> bool:
        return self._through(lambda door: door.lists_let_go)

    def dags(self, environment: str | None = None) -> Sequence[ListedDag]:
        return self._through(lambda door: door.dags(environment))

    def import_failures(self) -> Sequence[ImportFailure]:
        return self._through(lambda door: door.import_failures())

    def pause(self, dag_id: str) -> None:
        self._through(lambda door: door.pause(dag_id))

    def end_runs(self, dag_ids: Collection[str]) -> Runs:
        return self._through(lambda door: door.end_runs(dag_ids))

    def delete_dag(self, dag_id: str) -> None:
        self._through(lambda door: door.delete_dag(dag_id))

    def _through[T](self, ask: Callable[[Airflow], T]) -> T:
        """By the first door that leads there."""
        *first, last = self._doors
        for door in first:
            try:
                return ask(door)
            except OutOfReachError:
                continue
        return ask(last)
