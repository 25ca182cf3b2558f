"""The local AWS account keeps its promises, shown on a small stack that has one of each thing of the real one."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import DeployedStack, LocalAws, cached_build
from local.aws.invoke import main as invoke_main
from local.aws.pool import Credentials, Pool
from local.aws.sandbox import Function, Sandbox
from local.certificates import Certificates, make_certificates
from local.processes import wait_until
from local.toolchain import python_of

DATA = Path(__file__).parent.parent / "data" / "local_aws"
GREETING = "say \"hi\", 'ho' = yes \\ no"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def build() -> Path:
    return cached_build(DATA / "template.yaml")


@pytest.fixture(scope="module")
def small(certificates: Certificates, build: Path) -> Iterator[DeployedStack]:
    with tempfile.TemporaryDirectory() as folder:
        account = LocalAws(Path(folder), certificates, function_environment={"ADDED": "to all"})
        try:
            account.start()
            yield account.deploy(build, stack_name="small", parameters={"Greeting": GREETING})
        finally:
            account.stop()
        assert [path.name for path in Path(folder).iterdir()] == ["logs"]


@pytest.fixture
def front(tmp_path: Path) -> Function:
    """The function without an account: run from its sources, with the time-out of the template."""
    shutil.copytree(DATA / "front", tmp_path / "build" / "front")
    return Function(
        logical_id="Front",
        name="front",
        arn="arn:aws:lambda:eu-central-1:000000000000:function:front",
        role="arn:aws:iam::000000000000:role/front",
        region="eu-central-1",
        handler="app.lambda_handler",
        timeout_seconds=2,
        memory_mb=256,
        code=tmp_path / "build" / "front",
    )


# The sandbox


def test_function_sees_its_code_its_layers_and_the_runtime_and_nothing_else(small: DeployedStack, build: Path) -> None:
    path = small.invoke("Front", {}).payload["path"]

    runtime = python_of("lambda").parent.parent / "lib" / "python3.12" / "site-packages"
    assert path[:3] == [str(build / "Front"), str(build / "Signing" / "python"), str(runtime)]
    assert not [entry for entry in path[3:] if "site-packages" in entry or str(Path.cwd()) in entry]


def test_function_gets_what_lambda_gives_and_its_own_settings(small: DeployedStack) -> None:
    seen = small.invoke("Front", {"any": "event"}).payload

    environment = seen["environment"]
    assert environment["GREETING"] == GREETING
    assert environment["ADDED"] == "to all"
    assert environment["AWS_REGION"] == small.account.region
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == small.function_name("Front")
    assert seen["event"] == {"any": "event"}
    assert 0 < seen["remaining_ms"] <= 2000
    assert "PYTEST_CURRENT_TEST" not in environment
    assert "MINISTACK_LAMBDA_PROXY_URL" not in environment


def test_function_has_the_credentials_of_its_own_role(small: DeployedStack) -> None:
    environment = small.invoke("Front", {}).payload["environment"]

    key = environment["AWS_ACCESS_KEY_ID"]
    environments = f"arn:aws:airflow:{small.account.region}:000000000000:environment"
    assert small.account.permits(key, "airflow:CreateCliToken", f"{environments}/test")
    assert not small.account.permits(key, "airflow:CreateCliToken", f"{environments}/live")
    assert not small.account.permits(key, "airflow:InvokeRestApi", f"{environments}/test")
    assert not small.account.permits("AKIASOMEBODYELSE", "airflow:CreateCliToken", f"{environments}/test")


def test_permissions_boundary_narrows_what_a_role_may_do(small: DeployedStack) -> None:
    iam, role = small.account.client("iam"), small.physical_id("FrontRole")
    key = small.invoke("Front", {}).payload["environment"]["AWS_ACCESS_KEY_ID"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document))["Policy"]["Arn"]

    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary)
    try:
        environment = f"arn:aws:airflow:{small.account.region}:000000000000:environment/test"
        assert not small.account.permits(key, "airflow:CreateCliToken", environment)
    finally:
        iam.delete_role_permissions_boundary(RoleName=role)


def test_second_event_finds_the_sandbox_warm(front: Function, tmp_path: Path) -> None:
    with _pool(front, tmp_path) as pool:
        first, second = _run(pool, {}), _run(pool, {})

    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["process"] == second["process"]


def test_simultaneous_events_get_sandboxes_of_their_own_up_to_the_limit(front: Function, tmp_path: Path) -> None:
    with _pool(front, tmp_path, size=2) as pool, ThreadPoolExecutor() as threads:
        seen = list(threads.map(lambda _: _run(pool, {"do": "sleep", "seconds": 0.3}), range(4)))

    assert len({one["process"] for one in seen}) == 2
    assert len({one["temporary"] for one in seen}) == 2


def test_sandbox_is_replaced_before_its_credentials_expire(front: Function, tmp_path: Path) -> None:
    with _pool(front, tmp_path, credentials_last_seconds=30) as pool:
        first, second = _run(pool, {}), _run(pool, {})

    assert first["process"] != second["process"]


def test_function_that_takes_too_long_is_ended_and_the_next_event_gets_a_new_process(small: DeployedStack) -> None:
    before = small.invoke("Front", {}).payload["process"]

    timed_out = small.invoke("Front", {"do": "sleep", "seconds": 60})
    after = small.invoke("Front", {})

    assert not timed_out.ok
    assert timed_out.payload == {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 2.00 seconds"}
    assert after.ok
    assert after.payload["process"] != before
    assert not _exists(before)


def test_function_that_exits_is_an_error_and_the_next_event_gets_a_new_process(small: DeployedStack) -> None:
    exited, after = small.invoke("Front", {"do": "exit"}), small.invoke("Front", {})

    assert not exited.ok
    assert exited.payload["errorType"] == "Runtime.ExitError"
    assert after.ok


def test_error_comes_back_short_and_stands_in_the_log_with_its_stack_trace(small: DeployedStack) -> None:
    raised = small.invoke("Front", {"do": "fail"})

    assert not raised.ok
    assert raised.payload["errorType"] == "ValueError"
    assert raised.payload["errorMessage"].startswith("this is what went wrong")
    assert "raise ValueError" in (small.logs / "Front.log").read_text()


def test_function_that_cannot_be_imported_tells_why(front: Function, tmp_path: Path) -> None:
    (front.code / "app.py").write_text("import boto3\n")

    with _pool(front, tmp_path) as pool:
        answer = pool.invoke(b"{}", request_id="one", trace="")

    assert not answer.ok
    assert json.loads(answer.payload)["errorType"] == "Runtime.ImportModuleError"
    assert "boto3" in json.loads(answer.payload)["errorMessage"]


def test_closed_sandbox_leaves_no_process_and_no_temporary_file(front: Function, tmp_path: Path) -> None:
    sandbox = Sandbox(front, environment={}, folder=tmp_path, log=tmp_path / "front.log")
    seen = json.loads(sandbox.invoke(b'{"do": "write"}', request_id="one").payload)
    assert Path(seen["temporary"], "left").exists()

    sandbox.close()

    assert not _exists(seen["process"])
    assert not Path(seen["temporary"]).exists()
    assert not [path for path in front.code.rglob("*") if path.suffix == ".pyc"]


# Events


def test_matching_event_on_the_bus_reaches_the_function_through_its_queue(small: DeployedStack) -> None:
    _put_event(small, {"action": "opened", "key": "stored/from-the-bus"})

    _wait_for_objects(small, "stored/from-the-bus", 1)


def test_new_object_reaches_the_function_through_the_default_bus(small: DeployedStack) -> None:
    small.account.client("s3").put_object(Bucket=small.physical_id("Bucket"), Key="incoming/new", Body=b"x")

    _wait_for_objects(small, "stored/Object Created/", 1)


def test_bucket_for_encrypted_connections_only_takes_what_comes_by_https_and_nothing_else(small: DeployedStack) -> None:
    role = small.account.client("iam").get_role(RoleName=small.physical_id("StoreRole"))["Role"]["Arn"]
    bucket, s3 = small.physical_id("Bucket"), small.account.client_of(role, "s3")

    s3.put_object(Bucket=bucket, Key="stored/by/https", Body=b"x")
    s3.meta.events.register("before-sign.s3", _as_if_a_proxy_had_taken_it_by_http)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="stored/by/http", Body=b"x")

    assert _keys(small, "stored/by/") == ["stored/by/https"]


def test_message_that_fails_goes_alone_to_the_dead_letters_because_the_role_may_write_elsewhere(
    small: DeployedStack,
) -> None:
    entries = [_entry("one", "stored/batch/1"), _entry("two", "forbidden/2"), _entry("three", "stored/batch/3")]
    small.account.client("sqs").send_message_batch(QueueUrl=small.physical_id("Queue"), Entries=entries)

    dead = _wait_for_dead_letter(small)

    assert json.loads(dead) == {"detail": {"key": "forbidden/2"}}
    _wait_for_objects(small, "stored/batch/", 2)
    assert not _keys(small, "forbidden/")


def test_function_url_answers_with_what_the_function_returns(small: DeployedStack, certificates: Certificates) -> None:
    assert _posted(certificates, *small.function_url("Front")) == (202, {"got": "hello", "path": "/"})


def test_http_api_answers_with_what_the_function_returns(small: DeployedStack, certificates: Certificates) -> None:
    stack = small.account.client("cloudformation").describe_stacks(StackName="small")["Stacks"][0]
    address = next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "Webhook")

    assert _posted(certificates, *small.account.reachable(address)) == (202, {"got": "hello", "path": "/webhook"})


# Building, deploying, running once


def test_unchanged_sources_are_not_built_again_and_changed_ones_leave_the_old_build_alone(tmp_path: Path) -> None:
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "app.py").write_text("ANSWER = 1\n")
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources:\n"
        "  Front:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: front, Runtime: python3.12, Handler: app.lambda_handler}\n"
    )
    template, cache = tmp_path / "template.yaml", tmp_path / "cache"
    first = cached_build(template, cache)
    made = (first / "packaged.yaml").stat().st_mtime_ns

    again = cached_build(template, cache)
    (tmp_path / "front" / "app.py").write_text("ANSWER = 2\n")
    changed = cached_build(template, cache)

    assert again == first
    assert (first / "packaged.yaml").stat().st_mtime_ns == made
    assert (first / "Front" / "app.py").read_text() == "ANSWER = 1\n"
    assert (changed / "Front" / "app.py").read_text() == "ANSWER = 2\n"


def test_stack_that_is_deployed_again_runs_its_functions_with_the_new_settings(
    small: DeployedStack, build: Path
) -> None:
    again = small.account.deploy(build, stack_name="small", parameters={"Greeting": GREETING, "Mood": "mellow"})

    assert again.outputs["Bucket"] == small.physical_id("Bucket")
    assert small.invoke("Front", {}).payload["environment"]["MOOD"] == "mellow"


def test_what_depends_on_an_empty_list_is_not_there(small: DeployedStack) -> None:
    assert "Bucket" in small.outputs
    assert "Subnets" not in small.outputs


def test_stacks_beside_each_other_run_their_own_functions_with_their_own_settings_and_logs(
    small: DeployedStack, build: Path
) -> None:
    beside = small.account.deploy(
        build, stack_name="beside", parameters={"Greeting": "hello"}, function_environment={"ADDED": "to this stack"}
    )

    first, second = (one.invoke("Front", {}).payload["environment"] for one in (small, beside))

    assert (first["GREETING"], first["ADDED"]) == (GREETING, "to all")
    assert (second["GREETING"], second["ADDED"]) == ("hello", "to this stack")
    assert first["AWS_LAMBDA_FUNCTION_NAME"] != second["AWS_LAMBDA_FUNCTION_NAME"]
    assert small.logs != beside.logs
    assert (beside.logs / "Front.log").exists()


def test_one_function_runs_once_from_the_command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"from": "a file"}')
    arguments = ["Front", str(event), "--parameter", "Greeting=a=b", "--template", str(DATA / "template.yaml")]

    status = invoke_main(arguments)

    printed = capfd.readouterr()
    assert status == 0
    assert json.loads(printed.out)["event"] == {"from": "a file"}
    assert json.loads(printed.out)["environment"]["GREETING"] == "a=b"
    assert '"platform.report"' in printed.err


@contextmanager
def _pool(function: Function, folder: Path, *, size: int = 1, credentials_last_seconds: int = 3600) -> Iterator[Pool]:
    """A pool on its own, with made-up credentials."""
    pool = Pool(
        function=function,
        assume=lambda _: Credentials({}, time.time() + credentials_last_seconds),
        environment={},
        folder=folder,
        log=folder / "front.log",
        size=size,
    )
    try:
        yield pool
    finally:
        pool.close()


def _run(pool: Pool, event: dict[str, Any]) -> dict[str, Any]:
    answer = pool.invoke(json.dumps(event).encode(), request_id=os.urandom(8).hex(), trace="")
    assert answer.ok, answer.payload
    return dict(json.loads(answer.payload))


def _exists(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


def _put_event(small: DeployedStack, detail: dict[str, str]) -> None:
    entry = {"EventBusName": small.physical_id("Bus"), "Source": "github.com", "DetailType": "pull_request"}
    small.account.client("events").put_events(Entries=[{**entry, "Detail": json.dumps(detail)}])


def _entry(name: str, key: str) -> dict[str, str]:
    return {"Id": name, "MessageBody": json.dumps({"detail": {"key": key}})}


def _keys(small: DeployedStack, prefix: str) -> list[str]:
    listed = small.account.client("s3").list_objects_v2(Bucket=small.physical_id("Bucket"), Prefix=prefix)
    return [found["Key"] for found in listed.get("Contents", [])]


def _wait_for_objects(small: DeployedStack, prefix: str, count: int) -> None:
    wait_until(lambda: len(_keys(small, prefix)) == count, what=f"objects under {prefix}", deadline_seconds=30)


def _wait_for_dead_letter(small: DeployedStack) -> str:
    received: list[str] = []

    def arrived() -> bool:
        answer = small.account.client("sqs").receive_message(
            QueueUrl=small.physical_id("DeadLetters"), WaitTimeSeconds=1
        )
        received.extend(message["Body"] for message in answer.get("Messages", []))
        return bool(received)

    wait_until(arrived, what="a dead letter", deadline_seconds=30)
    return received[0]


def _as_if_a_proxy_had_taken_it_by_http(request: Any, **_: object) -> None:
    request.headers["X-Forwarded-Proto"] = "http"


def _posted(certificates: Certificates, url: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    request = urllib.request.Request(url, data=b"hello", headers={**headers, "Content-Type": "text/plain"})
    trusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificates.authority))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusting)
    with opener.open(request, timeout=30) as answer:
        body = json.load(answer)
    return answer.status, {key: body[key] for key in ("got", "path")}
