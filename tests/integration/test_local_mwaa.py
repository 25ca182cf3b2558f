"""The double of MWAA on real Airflows of both lines: what a boto3 client and the CLI endpoint get to see."""

from __future__ import annotations

import io
import os
import signal
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.airflow.bucket_sync import BucketSync
from local.processes import wait_until
from tests.integration.mwaa_stack import KEY_ID, NAME, MwaaStack, mwaa_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_dag_file_put_into_the_bucket_is_listed_by_its_tag_and_paused(stack: MwaaStack) -> None:
    stack.put_dag("listed")

    [dag] = stack.find("listed")

    assert dag["dag_id"] == "listed"
    assert dag["is_paused"]
    assert dag["fileloc"] == str(stack.airflow.dags_folder / "listed.py")
    assert [tag["name"] for tag in dag["tags"]] == ["listed"]
    assert dag["is_active"] if stack.airflow.line == "2" else not dag["is_stale"]


def test_triggered_run_of_an_unpaused_dag_succeeds_with_the_stacks_environment(stack: MwaaStack) -> None:
    stack.put_dag("runs")

    stack.trigger("runs")

    wait_until(lambda: _run_state(stack) in {"success", "failed"}, what="the run ends", deadline_seconds=120)
    assert _run_state(stack) == "success"


def _run_state(stack: MwaaStack) -> str:
    state: str = stack.rest("GET", "/dags/runs/dagRuns/r1")["state"]
    return state


def test_a_part_of_airflow_that_ends_is_started_again(stack: MwaaStack) -> None:
    parser = "dag-processor" if stack.airflow.line == "3" else "scheduler"
    ended = stack.airflow.process_id(parser)

    os.kill(ended, signal.SIGKILL)

    wait_until(lambda: stack.airflow.process_id(parser) != ended, what="another takes its place", deadline_seconds=60)
    stack.put_dag("again")


def test_refusal_of_airflows_own_comes_inside_of_awss_error(stack: MwaaStack) -> None:
    with pytest.raises(ClientError) as refused:
        stack.rest("GET", "/dags/not.there")

    assert refused.value.response["Error"]["Code"] == "RestApiClientException"
    assert refused.value.response["RestApiStatusCode"] == 404  # type: ignore[typeddict-item]  # a member of this error


def test_import_error_in_a_packaged_dag_is_told_with_its_module_and_traceback(stack: MwaaStack) -> None:
    stack.put("package.zip", _zip({"broken.py": "from airflow import DAG\nraise RuntimeError('no such luck')\n"}))
    seen: list[dict[str, Any]] = []

    def told() -> bool:
        """Airflow forgets the errors inside of zips whenever it lists the folder, until it parses the zip again."""
        errors = stack.rest("GET", "/importErrors")["import_errors"]
        seen.extend(error for error in errors if "package.zip" in error["filename"])
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


def test_token_is_refused_when_it_is_unknown_or_older_than_a_minute(stack: MwaaStack) -> None:
    token = stack.client.create_cli_token(Name=NAME)["CliToken"]

    stack.clock.skipped_seconds += 61

    assert stack.cli("version", token=token).status == 403
    assert stack.cli("version", token="made-up").status == 403


@pytest.mark.parametrize("command", ["users list", "db reset -y", "config list", "", "--help", "'open quote"])
def test_command_that_mwaa_does_not_support_is_refused(stack: MwaaStack, command: str) -> None:
    answer = stack.cli(command)

    assert answer.status in {400, 500}
    assert answer.stdout == ""


def test_two_commands_at_once_are_both_answered_and_a_failing_one_with_its_traceback(stack: MwaaStack) -> None:
    with ThreadPoolExecutor() as pool:
        version, failed = pool.map(stack.cli, ["version", "dags delete -y not.there"])

    assert stack.mwaa.most_cli_calls_at_once == 2
    assert (version.status, version.stdout.strip()) == (200, stack.airflow.version)
    assert failed.status == 200
    assert "DagNotFound" in failed.stderr


def test_status_of_a_failing_command_can_be_chosen_and_no_shell_reads_it(stack: MwaaStack) -> None:
    with stack.other_mwaa(failed_command_status=400) as mwaa:
        token = mwaa_client(mwaa.endpoint).create_cli_token(Name=NAME)["CliToken"]

        answer = stack.cli("version ; echo injected", token=token, mwaa=mwaa)

    assert answer.status == 400
    assert "injected" not in answer.stdout
    assert "unrecognized arguments" in answer.stderr


@pytest.mark.parametrize("path", ["/dags/" + "x" * 59, "dags"])
def test_path_outside_the_models_limits_is_invalid(stack: MwaaStack, path: str) -> None:
    with pytest.raises(stack.client.exceptions.ValidationException, match="Path must"):
        stack.rest("GET", path)


def test_unknown_environment_is_not_found(stack: MwaaStack) -> None:
    with pytest.raises(stack.client.exceptions.ResourceNotFoundException):
        stack.client.create_cli_token(Name="other")


def test_environment_is_described(stack: MwaaStack) -> None:
    environment = stack.client.get_environment(Name=NAME)["Environment"]

    assert environment["Status"] == "AVAILABLE"
    assert environment["AirflowVersion"] == {"2": "2.11.0", "3": "3.0.6"}[stack.airflow.line]
    assert environment["SourceBucketArn"] == f"arn:aws:s3:::{stack.bucket}"
    assert environment["WebserverUrl"] == stack.mwaa.web_server


def test_refused_caller_is_denied_access(stack: MwaaStack) -> None:
    def nobody(key_id: str, action: str, arn: str) -> bool:
        return False

    with stack.other_mwaa(authorize=nobody) as mwaa:
        client = mwaa_client(mwaa.endpoint)
        for call in (
            lambda: client.create_cli_token(Name=NAME),
            lambda: client.invoke_rest_api(Name=NAME, Method="GET", Path="/dags"),
            lambda: client.get_environment(Name=NAME),
        ):
            with pytest.raises(client.exceptions.AccessDeniedException, match=KEY_ID):
                call()


def test_viewer_role_reads_but_does_not_write(stack: MwaaStack) -> None:
    def viewer(key_id: str, action: str, arn: str) -> bool:
        wanted = ("airflow:InvokeRestApi", f"arn:aws:airflow:eu-central-1:000000000000:role/{NAME}/Viewer")
        return (key_id, action, arn) == (KEY_ID, *wanted)

    with stack.other_mwaa(authorize=viewer) as mwaa:
        client = mwaa_client(mwaa.endpoint)
        read = client.invoke_rest_api(Name=NAME, Method="GET", Path="/dags")
        with pytest.raises(client.exceptions.AccessDeniedException):
            client.invoke_rest_api(Name=NAME, Method="DELETE", Path="/dags/any")

    assert read["RestApiStatusCode"] == 200


@pytest.fixture(scope="module")
def s3_client() -> Iterator[S3Client]:
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


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
