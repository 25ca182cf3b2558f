"""An Airflow with the double of MWAA around it, as the tests of the double and of the adapter see it."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from dagbranch.adapters.mwaa import Door, MwaaAirflow
from dagbranch.ports import Leases
from local.airflow import LocalAirflow, LocalMwaa
from local.certificates import Certificates
from local.processes import wait_until
from tests.fakes.leases import InMemoryLeases

if TYPE_CHECKING:
    from mypy_boto3_mwaa import MWAAClient
    from mypy_boto3_s3 import S3Client

NAME = "preview"
KEY_ID = "AKIAEXAMPLE"
DAG_FILE = """
import os
from airflow import DAG
from airflow.decorators import task

with DAG("{dag_id}", schedule=None, tags=["{dag_id}"]):
    @task
    def check():
        assert os.environ["FROM_THE_STACK"] == "yes"
    check()
"""


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.skipped_seconds = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped_seconds


@dataclass(frozen=True)
class CliAnswer:
    status: int
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True)
class MwaaStack:
    """Shared by all tests of a session: each takes DAG ids and tags of its own, and finds an empty bucket."""

    airflow: LocalAirflow
    mwaa: LocalMwaa
    bucket: str
    client: MWAAClient
    s3_client: S3Client
    certificates: Certificates
    clock: Clock

    def put_dag(self, dag_id: str, text: str = DAG_FILE) -> None:
        """Returns when Airflow lists it."""
        self.put(f"{dag_id}.py", text.format(dag_id=dag_id).encode())
        wait_until(lambda: bool(self.find(dag_id)), what=f"{dag_id} is listed", deadline_seconds=120)

    def put(self, name: str, body: bytes) -> None:
        self.s3_client.put_object(Bucket=self.bucket, Key=f"dags/{name}", Body=body)

    def remove(self, name: str) -> None:
        self.s3_client.delete_object(Bucket=self.bucket, Key=f"dags/{name}")

    def empty(self) -> None:
        """Takes all files from the bucket and the dags folder; what Airflow has of them turns stale by itself."""
        for entry in self.s3_client.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            self.s3_client.delete_object(Bucket=self.bucket, Key=entry["Key"])
        self.mwaa.sync_now()

    def find(self, tag: str) -> list[dict[str, Any]]:
        """The DAGs with that tag, those too whose file is gone."""
        also_gone = {"only_active": False} if self.airflow.line == "2" else {"exclude_stale": False}
        dags: list[dict[str, Any]] = self.rest("GET", "/dags", {"tags": [tag], **also_gone})["dags"]
        return dags

    def trigger(self, dag_id: str) -> None:
        """Starts the run ``r1`` of a DAG."""
        self._write("PATCH", f"/dags/{dag_id}", {"is_paused": False})
        body = {"dag_run_id": "r1"} | ({} if self.airflow.line == "2" else {"logical_date": None})
        self._write("POST", f"/dags/{dag_id}/dagRuns", body)

    def _write(self, method: str, path: str, body: dict[str, Any]) -> None:
        """Asked again while Airflow has no time for an answer within MWAA's ten seconds; a 409 is our own first try."""

        def is_written() -> bool:
            try:
                self.rest(method, path, body=body)
            except ClientError as error:
                status = error.response.get("RestApiStatusCode")
                if status not in {409, 504}:
                    raise
                return status == 409
            return True

        wait_until(is_written, what=f"{method} {path} is answered", deadline_seconds=120)

    def rest(self, method: str, path: str, query: dict[str, Any] | None = None, body: Any = None) -> dict[str, Any]:
        answer = self.client.invoke_rest_api(
            Name=NAME, Method=cast("Any", method), Path=path, QueryParameters=query or {}, Body=body or {}
        )
        return answer["RestApiResponse"]

    def cli(self, command: str, token: str | None = None, mwaa: LocalMwaa | None = None) -> CliAnswer:
        token = token or self.client.create_cli_token(Name=NAME)["CliToken"]
        request = urllib.request.Request(
            f"https://{(mwaa or self.mwaa).web_server}/aws_mwaa/cli",
            data=command.encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "text/plain"},
        )
        context = ssl.create_default_context(cafile=str(self.certificates.authority))
        try:
            with urllib.request.urlopen(request, context=context, timeout=120) as response:
                return _cli_answer(response.status, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return _cli_answer(error.code, error.read())

    @contextmanager
    def other_mwaa(self, **options: Any) -> Iterator[LocalMwaa]:
        """A second double on the same Airflow, with other options, that leaves the dags folder to the first."""
        with LocalMwaa(
            self.airflow,
            name=NAME,
            s3_client=self.s3_client,
            bucket=self.bucket,
            certificates=self.certificates,
            sync_interval_seconds=600,
            **options,
        ) as mwaa:
            yield mwaa


@contextmanager
def airflow_through(
    door: Door, client: MWAAClient, certificates: Certificates, leases: Leases | None = None
) -> Iterator[MwaaAirflow]:
    with urllib3.PoolManager(ca_certs=str(certificates.authority)) as http:
        yield MwaaAirflow(client, NAME, http, door=door, leases=leases or InMemoryLeases(partial(datetime.now, UTC)))


def mwaa_client(endpoint: str) -> MWAAClient:
    return boto3.client(
        "mwaa",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key="secret",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )


def _cli_answer(status: int, body: bytes) -> CliAnswer:
    if not body.startswith(b"{"):
        return CliAnswer(status)
    streams = json.loads(body)
    return CliAnswer(status, b64decode(streams["stdout"]).decode(), b64decode(streams["stderr"]).decode())
