"""The double of MWAA on real Airflows of both lines: what a boto3 client and the CLI endpoint get to see."""

from __future__ import annotations

import io
import json
import ssl
import time
import urllib.error
import urllib.request
import zipfile
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from local.airflow import LocalAirflow, LocalMwaa
from local.airflow.bucket_sync import BucketSync
from local.certificates import Certificates
from local.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_mwaa import MWAAClient
    from mypy_boto3_s3 import S3Client

    from local.airflow.configuration import Line

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
class Stack:
    airflow: LocalAirflow
    mwaa: LocalMwaa
    bucket: str
    client: MWAAClient
    s3_client: S3Client
    certificates: Certificates
    clock: Clock

    def put_dag(self, dag_id: str) -> None:
        self.put(f"{dag_id}.py", DAG_FILE.format(dag_id=dag_id).encode())
        wait_until(lambda: bool(self.find(dag_id)), what=f"{dag_id} is listed", deadline_seconds=60)

    def put(self, name: str, body: bytes) -> None:
        self.s3_client.put_object(Bucket=self.bucket, Key=f"dags/{name}", Body=body)

    def remove(self, name: str) -> None:
        self.s3_client.delete_object(Bucket=self.bucket, Key=f"dags/{name}")

    def find(self, tag: str) -> list[dict[str, Any]]:
        """The DAGs with that tag, those too whose file is gone."""
        also_gone = {"only_active": False} if self.airflow.line == "2" else {"exclude_stale": False}
        dags: list[dict[str, Any]] = self.rest("GET", "/dags", {"tags": [tag], **also_gone})["dags"]
        return dags

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


@dataclass(frozen=True)
class CliAnswer:
    status: int
    stdout: str = ""
    stderr: str = ""


def _cli_answer(status: int, body: bytes) -> CliAnswer:
    if not body.startswith(b"{"):
        return CliAnswer(status)
    streams = json.loads(body)
    return CliAnswer(status, b64decode(streams["stdout"]).decode(), b64decode(streams["stderr"]).decode())


def _mwaa_client(mwaa: LocalMwaa) -> MWAAClient:
    return boto3.client(
        "mwaa",
        endpoint_url=mwaa.endpoint,
        region_name="eu-central-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key="secret",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def s3_client() -> Iterator[S3Client]:
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


@pytest.fixture(scope="module", params=["2", "3"])
def stack(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    s3_client: S3Client,
    certificates: Certificates,
) -> Iterator[Stack]:
    line: Line = request.param
    home = tmp_path_factory.mktemp(f"airflow-{line}")
    bucket = f"mwaa-{line}"
    s3_client.create_bucket(Bucket=bucket)
    clock = Clock()
    with (
        LocalAirflow(home, line=line, environment={"FROM_THE_STACK": "yes"}, scan_interval_seconds=3) as airflow,
        LocalMwaa(
            airflow,
            name=NAME,
            s3_client=s3_client,
            bucket=bucket,
            certificates=certificates,
            sync_interval_seconds=1,
            clock=clock,
        ) as mwaa,
    ):
        yield Stack(airflow, mwaa, bucket, _mwaa_client(mwaa), s3_client, certificates, clock)
    assert _processes_of(home) == []


@contextmanager
def _other_mwaa(stack: Stack, **options: Any) -> Iterator[LocalMwaa]:
    """A second double on the same Airflow, with other options, that leaves the dags folder to the first."""
    with LocalMwaa(
        stack.airflow,
        name=NAME,
        s3_client=stack.s3_client,
        bucket=stack.bucket,
        certificates=stack.certificates,
        sync_interval_seconds=600,
        **options,
    ) as mwaa:
        yield mwaa


def _processes_of(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue  # ended meanwhile, or somebody else's
        if str(folder).encode() in environment:
            found.append(int(process.name))
    return found


def test_dag_file_put_into_the_bucket_is_listed_by_its_tag_and_paused(stack: Stack) -> None:
    stack.put_dag("listed")

    [dag] = stack.find("listed")

    assert dag["dag_id"] == "listed"
    assert dag["is_paused"]
    assert dag["fileloc"] == str(stack.airflow.dags_folder / "listed.py")
    assert [tag["name"] for tag in dag["tags"]] == ["listed"]
    assert dag["is_active"] if stack.airflow.line == "2" else not dag["is_stale"]


def test_triggered_run_of_an_unpaused_dag_succeeds_with_the_stacks_environment(stack: Stack) -> None:
    stack.put_dag("runs")
    stack.rest("PATCH", "/dags/runs", body={"is_paused": False})

    body = {"dag_run_id": "r1"} | ({} if stack.airflow.line == "2" else {"logical_date": None})
    stack.rest("POST", "/dags/runs/dagRuns", body=body)

    wait_until(lambda: _run_state(stack) in {"success", "failed"}, what="the run ends", deadline_seconds=120)
    assert _run_state(stack) == "success"


def _run_state(stack: Stack) -> str:
    state: str = stack.rest("GET", "/dags/runs/dagRuns/r1")["state"]
    return state


def test_dag_whose_file_left_the_bucket_turns_inactive_and_the_cli_deletes_it(stack: Stack) -> None:
    stack.put_dag("leaves")
    stack.remove("leaves.py")
    wait_until(lambda: _is_gone(stack.find("leaves")[0]), what="the DAG is inactive", deadline_seconds=60)

    answer = stack.cli("dags delete -y leaves")

    assert answer.status == 200
    assert "Removed" in answer.stdout
    assert stack.find("leaves") == []
    with pytest.raises(ClientError) as refused:
        stack.rest("GET", "/dags/leaves")
    assert refused.value.response["Error"]["Code"] == "RestApiClientException"
    assert refused.value.response["RestApiStatusCode"] == 404  # type: ignore[typeddict-item]  # a member of this error


def _is_gone(dag: dict[str, Any]) -> bool:
    return not dag.get("is_active", True) or bool(dag.get("is_stale"))


def test_import_error_in_a_packaged_dag_is_told_with_its_module_and_traceback(stack: Stack) -> None:
    stack.put("package.zip", _zip({"broken.py": "from airflow import DAG\nraise RuntimeError('no such luck')\n"}))
    seen: list[dict[str, Any]] = []

    def told() -> bool:
        """Airflow forgets the errors inside of zips whenever it lists the folder, until it parses the zip again."""
        seen.extend(stack.rest("GET", "/importErrors")["import_errors"])
        return bool(seen)

    wait_until(told, what="the import error is listed", deadline_seconds=60)

    assert Path(seen[0]["filename"]).parts[-2:] == ("package.zip", "broken.py")
    assert "no such luck" in seen[0]["stack_trace"]


def _zip(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def test_token_is_refused_when_it_is_unknown_or_older_than_a_minute(stack: Stack) -> None:
    token = stack.client.create_cli_token(Name=NAME)["CliToken"]

    stack.clock.skipped_seconds += 61

    assert stack.cli("version", token=token).status == 403
    assert stack.cli("version", token="made-up").status == 403


@pytest.mark.parametrize("command", ["users list", "db reset -y", "config list", "", "--help", "'open quote"])
def test_command_that_mwaa_does_not_support_is_refused(stack: Stack, command: str) -> None:
    answer = stack.cli(command)

    assert answer.status in {400, 500}
    assert answer.stdout == ""


def test_two_commands_at_once_are_both_answered(stack: Stack) -> None:
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(stack.cli, ["version", "version; echo injected"]))

    assert answers[0].stdout.strip() == stack.airflow.version
    assert "injected" not in answers[1].stdout


def test_failing_command_answers_with_its_traceback(stack: Stack) -> None:
    answer = stack.cli("dags delete -y not.there")

    assert answer.status == 200
    assert "DagNotFound" in answer.stderr


def test_status_of_a_failing_command_can_be_chosen(stack: Stack) -> None:
    with _other_mwaa(stack, failed_command_status=400) as mwaa:
        token = _mwaa_client(mwaa).create_cli_token(Name=NAME)["CliToken"]

        answer = stack.cli("version --nonsense", token=token, mwaa=mwaa)

    assert answer.status == 400
    assert "unrecognized arguments" in answer.stderr


@pytest.mark.parametrize("path", ["/dags/" + "x" * 59, "dags"])
def test_path_outside_the_models_limits_is_invalid(stack: Stack, path: str) -> None:
    with pytest.raises(stack.client.exceptions.ValidationException, match="Path must"):
        stack.rest("GET", path)


def test_unknown_environment_is_not_found(stack: Stack) -> None:
    with pytest.raises(stack.client.exceptions.ResourceNotFoundException):
        stack.client.create_cli_token(Name="other")


def test_environment_is_described(stack: Stack) -> None:
    environment = stack.client.get_environment(Name=NAME)["Environment"]

    assert environment["Status"] == "AVAILABLE"
    assert environment["AirflowVersion"] == {"2": "2.11.0", "3": "3.0.6"}[stack.airflow.line]
    assert environment["SourceBucketArn"] == f"arn:aws:s3:::{stack.bucket}"
    assert environment["WebserverUrl"] == stack.mwaa.web_server


def test_refused_caller_is_denied_access(stack: Stack) -> None:
    def nobody(key_id: str, action: str, arn: str) -> bool:
        return False

    with _other_mwaa(stack, authorize=nobody) as mwaa:
        client = _mwaa_client(mwaa)
        for call in (
            lambda: client.create_cli_token(Name=NAME),
            lambda: client.invoke_rest_api(Name=NAME, Method="GET", Path="/dags"),
            lambda: client.get_environment(Name=NAME),
        ):
            with pytest.raises(client.exceptions.AccessDeniedException, match=KEY_ID):
                call()


def test_viewer_role_reads_but_does_not_write(stack: Stack) -> None:
    def viewer(key_id: str, action: str, arn: str) -> bool:
        wanted = ("airflow:InvokeRestApi", f"arn:aws:airflow:eu-central-1:000000000000:role/{NAME}/Viewer")
        return (key_id, action, arn) == (KEY_ID, *wanted)

    with _other_mwaa(stack, authorize=viewer) as mwaa:
        client = _mwaa_client(mwaa)
        read = client.invoke_rest_api(Name=NAME, Method="GET", Path="/dags")
        with pytest.raises(client.exceptions.AccessDeniedException):
            client.invoke_rest_api(Name=NAME, Method="DELETE", Path="/dags/any")

    assert read["RestApiStatusCode"] == 200


@pytest.fixture
def bucket(s3_client: S3Client) -> str:
    name = f"sync-{uuid4().hex[:8]}"
    s3_client.create_bucket(Bucket=name)
    return name


def test_sync_adds_changes_and_removes_files_with_their_folders(
    s3_client: S3Client, bucket: str, tmp_path: Path
) -> None:
    dags_folder = tmp_path / "dags"
    sync = BucketSync(s3_client, bucket, "dags", dags_folder, interval_seconds=30)
    for key, body in {"dags/a.zip": b"1", "dags/a/b/c.sql": b"2", "dags/folder/": b"", "plugins/p.py": b"3"}.items():
        s3_client.put_object(Bucket=bucket, Key=key, Body=body)
    sync.sync()
    first = _files(dags_folder)

    s3_client.put_object(Bucket=bucket, Key="dags/a.zip", Body=b"4")
    s3_client.delete_object(Bucket=bucket, Key="dags/a/b/c.sql")
    sync.sync()

    assert first == {"a.zip": b"1", "a/b/c.sql": b"2"}
    assert _files(dags_folder) == {"a.zip": b"4"}
    assert not (dags_folder / "a").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["dags"]


def test_key_that_leads_out_of_the_dags_folder_is_not_written(s3_client: S3Client, bucket: str, tmp_path: Path) -> None:
    s3_client.put_object(Bucket=bucket, Key="dags/../escaped.py", Body=b"")

    BucketSync(s3_client, bucket, "dags", tmp_path / "dags", interval_seconds=30).sync()

    assert list(tmp_path.rglob("escaped.py")) == []


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
