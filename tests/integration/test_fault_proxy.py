"""The proxies that the fault table stands on: what they pass on, what they spoil, whom they kill, what they count."""

from __future__ import annotations

import io
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

from local.airflow.http_server import HttpServer, Reply
from local.airflow.http_server import Request as Asked
from local.aws.ministack import Ministack
from local.aws.runtime_api import Answer
from local.aws.sandbox import Function
from local.certificates import Certificates
from local.faults.answers import RUBBISH
from local.faults.callers import Callers
from local.faults.injector import Injector
from local.faults.kinds import Fault, Kind, Step, every_kind_per_step, one_per_operation, steps_of_each
from local.faults.operations import Request, operation_of
from local.faults.proxy import Proxy
from local.processes import wait_until

PULL = 7
EVENT = json.dumps({"Records": [{"body": json.dumps({"detail": {"pull_number": PULL}})}]}).encode()
FUNCTION = Function(
    logical_id="PackageDags",
    name="stack-PackageDags",
    arn="arn",
    role="role",
    region="eu-central-1",
    handler="app.lambda_handler",
    timeout_seconds=60,
    memory_mb=512,
    code=Path(),
)
OPERATION = "GET pulls/*"
PLACE = "/repos/o/r/pulls/7"
# A reset may come before the client has noticed that it is connected.
_BROKEN = (urllib3.exceptions.ProtocolError, urllib3.exceptions.SSLError, urllib3.exceptions.NewConnectionError)


@dataclass
class Stand:
    """An upstream that notes what it was asked, its proxy, and a client that is this process."""

    proxy: Proxy
    callers: Callers
    injector: Injector
    asked: list[Asked]
    client: urllib3.PoolManager
    invocations: list[None] = field(default_factory=list)

    def get(self, seconds: float = 10) -> urllib3.BaseHTTPResponse:
        return self.client.request("GET", f"{self.proxy.address}{PLACE}", timeout=seconds, retries=False)

    @contextmanager
    def invocation(self, pid: int | None = None) -> Iterator[None]:
        self.client.clear()  # a sandbox is another process, with connections of its own
        process = pid or os.getpid()
        self.callers.began(process, FUNCTION, "request", EVENT)
        yield
        self.callers.ended(process, Answer(ok=True, payload=b"null"))

    def plan(self, kind: Kind, ordinal: int = 1) -> None:
        fault = Fault(Step("deploy", "PackageDags", "github", OPERATION, ordinal), kind)
        self.injector.plan("deploy", [fault], pulls=[PULL], per_function=1)


@pytest.fixture(params=["http", "https"])
def stand(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Stand]:
    asked: list[Asked] = []
    upstream = HttpServer(lambda one: _noted(asked, one), certificates if request.param == "https" else None)
    callers = Callers()
    injector = Injector(callers)
    proxy = Proxy(
        "github",
        f"{request.param}://{upstream.address}",
        certificates=certificates,
        callers=callers,
        injector=injector,
        held_seconds=20,
    )
    upstream.start()
    proxy.start()
    client = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=certificates.authority))
    yield Stand(proxy, callers, injector, asked, client)
    client.clear()
    proxy.stop()
    upstream.stop()


def _noted(asked: list[Asked], request: Asked) -> Reply:
    asked.append(request)
    return Reply(200, {"said": "all is well"}, {"ETag": '"1"'})


def test_what_nobody_plans_against_passes_as_it_is(stand: Stand) -> None:
    with stand.invocation():
        answer = stand.get()

    (asked,) = stand.asked
    assert (answer.status, answer.json(), answer.headers["ETag"]) == (200, {"said": "all is well"}, '"1"')
    assert (asked.method, asked.path) == ("GET", PLACE)
    assert asked.headers["Host"] == stand.proxy.address.partition("//")[2]  # which AWS's signatures cover
    assert stand.injector.steps(PULL) == {Step("deploy", "PackageDags", "github", OPERATION, 1)}


@pytest.mark.parametrize(("kind", "status"), [(Kind.THROTTLED, 429), (Kind.BROKEN, 500)])
def test_an_answer_in_the_upstreams_place_comes_without_its_work(stand: Stand, kind: Kind, status: int) -> None:
    stand.plan(kind)

    with stand.invocation():
        answer = stand.get()

    assert answer.status == status
    assert stand.asked == []


def test_rubbish_comes_when_the_work_is_done(stand: Stand) -> None:
    stand.plan(Kind.RUBBISH)

    with stand.invocation():
        answer = stand.get()

    assert (answer.status, answer.data) == (200, RUBBISH)
    assert len(stand.asked) == 1


@pytest.mark.parametrize(("kind", "work"), [(Kind.REFUSED, 0), (Kind.LOST, 1), (Kind.CUT, 1)])
def test_a_connection_breaks_before_or_after_the_work(stand: Stand, kind: Kind, work: int) -> None:
    stand.plan(kind)

    with stand.invocation(), pytest.raises(_BROKEN):
        stand.get()

    assert len(stand.asked) == work


def test_a_client_that_is_held_gives_up_by_itself(stand: Stand) -> None:
    stand.plan(Kind.SILENT)

    with stand.invocation(), pytest.raises(urllib3.exceptions.ReadTimeoutError):
        stand.get(seconds=0.3)

    assert stand.asked == []


@pytest.mark.parametrize(
    ("kind", "again"), [(Kind.BROKEN, 500), (Kind.THROTTLED, 429), (Kind.LOST, 200), (Kind.SILENT, 200)]
)
def test_a_clients_second_try_meets_what_lasts_and_not_what_happens_once(stand: Stand, kind: Kind, again: int) -> None:
    stand.plan(kind)

    with stand.invocation():
        _tried(stand)
        second = stand.get()
    with stand.invocation():
        next_invocation = stand.get()

    assert (second.status, next_invocation.status) == (again, 200)
    assert [one.fault.kind for one in stand.injector.injected] == [kind]


def test_a_refusal_lasts_for_new_connections_of_the_same_invocation(stand: Stand) -> None:
    stand.plan(Kind.REFUSED)

    with stand.invocation():
        for _ in range(3):
            with pytest.raises(_BROKEN):
                stand.get()
    with stand.invocation():
        answer = stand.get()

    assert answer.status == 200
    assert len(stand.asked) == 1


def test_the_planned_request_of_several_is_the_one_that_fails(stand: Stand) -> None:
    stand.plan(Kind.BROKEN, ordinal=2)

    with stand.invocation():
        statuses = [stand.get().status for _ in range(2)]

    assert statuses == [200, 500]


@pytest.mark.parametrize(("kind", "work"), [(Kind.KILLED_BEFORE, 0), (Kind.KILLED_AFTER, 1)])
def test_the_process_that_asks_is_killed_before_or_after_the_work(
    stand: Stand, certificates: Certificates, kind: Kind, work: int
) -> None:
    stand.plan(kind)
    begun = "import sys, urllib.request; sys.stdin.readline(); urllib.request.urlopen(sys.argv[1]).read()"
    process = subprocess.Popen(
        [sys.executable, "-c", begun, f"{stand.proxy.address}{PLACE}"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"SSL_CERT_FILE": str(certificates.authority)},
    )

    with stand.invocation(process.pid):
        process.communicate(b"go\n", timeout=20)

    assert process.returncode == -9
    assert len(stand.asked) == work


def test_a_request_of_nobody_at_work_passes(stand: Stand) -> None:
    stand.plan(Kind.BROKEN)

    assert stand.get().status == 200


def test_addresses_in_answers_become_those_of_the_proxies(stand: Stand) -> None:
    stand.proxy.renamed = {"all is": "https://127.0.0.1:1/"}

    assert stand.get().json() == {"said": "https://127.0.0.1:1/ well"}


def test_a_proxy_that_stops_lets_go_of_its_port_and_of_whom_it_holds(certificates: Certificates) -> None:
    callers = Callers()
    proxy = Proxy("s3", "http://127.0.0.1:9", certificates=certificates, callers=callers, injector=Injector(callers))
    proxy.start()
    host, _, port = proxy.address.removeprefix("http://").partition(":")

    proxy.stop()

    with socket.socket() as probe:
        wait_until(lambda: probe.connect_ex((host, int(port))) != 0, what="the port is closed", deadline_seconds=5)


def test_signed_requests_of_all_sizes_pass_to_aws(emulator: Ministack, certificates: Certificates) -> None:
    callers, content = Callers(), os.urandom(300_000)
    proxy = Proxy("s3", emulator.endpoint, certificates=certificates, callers=callers, injector=Injector(callers))
    proxy.start()
    told = emulator.environment()
    session = boto3.Session(told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"], region_name=told["AWS_REGION"])
    s3: Any = session.client("s3", endpoint_url=proxy.address, verify=str(certificates.authority))

    s3.create_bucket(Bucket="passed", CreateBucketConfiguration={"LocationConstraint": told["AWS_REGION"]})
    s3.upload_fileobj(io.BytesIO(content), "passed", "streamed")
    s3.put_object(Bucket="passed", Key="empty key/with ü", Body=b"")
    got = s3.get_object(Bucket="passed", Key="streamed")["Body"].read()
    head = s3.head_object(Bucket="passed", Key="streamed")
    s3.delete_object(Bucket="passed", Key="empty key/with ü")
    listed = s3.list_objects_v2(Bucket="passed")["Contents"]
    proxy.stop()

    assert got == content
    assert head["ContentLength"] == len(content)
    assert [one["Key"] for one in listed] == ["streamed"]


def _tried(stand: Stand) -> None:
    try:
        stand.get(seconds=0.5)
    except (*_BROKEN, urllib3.exceptions.ReadTimeoutError):
        return


def _aws(target: str, body: object) -> Request:
    return Request("POST", "/", {"x-amz-target": target}, json.dumps(body).encode())


def _thrift(name: str, text: str = "") -> Request:
    return Request(
        "POST", "/sql", {}, b"\x80\x01\x00\x01\x00\x00\x00" + bytes([len(name)]) + name.encode() + text.encode()
    )


@pytest.mark.parametrize(
    ("upstream", "request_", "operation"),
    [
        ("s3", Request("PUT", "/previews-mwaa/dags/feature1.zip"), "PUT zip"),
        ("s3", Request("PUT", "/previews-mwaa/dags/feature1/.dagbranch/ab.json"), "PUT configuration"),
        ("s3", Request("GET", "/previews-mwaa/dags/feature1/qu/a.sql"), "GET copy"),
        ("s3", Request("PUT", "/sources/sources/o/r/pull/7/ab/cd.zip"), "PUT source archive"),
        ("s3", Request("GET", "/previews-mwaa?list-type=2&prefix=artifacts%2Ffeature1%2F"), "LIST artifacts"),
        ("s3", Request("GET", "/previews-mwaa?versions&prefix=dags%2Ffeature1"), "LIST VERSIONS dags"),
        ("s3", Request("POST", "/previews-mwaa?delete"), "DELETE MANY"),
        ("github", Request("GET", "/api/v3/repos/o/r/pulls/7"), "GET pulls/*"),
        ("github", Request("GET", "/repos/o/r/git/trees/0123456789?recursive=1"), "GET git/trees/*"),
        ("github", Request("GET", f"/repos/o/r/compare/main...{'0a' * 20}"), "GET compare/main...*"),
        ("github", Request("GET", "/_codeload/o/r/legacy.tar.gz/0123456?token=x"), "GET archive"),
        ("mwaa", Request("POST", "/clitoken/previews", {}, b"{}"), "clitoken"),
        (
            "mwaa",
            Request("POST", "/restapi/previews", {}, b'{"Method": "DELETE", "Path": "/dags/qu.feature1.a"}'),
            "DELETE /dags/*",
        ),
        ("mwaa-cli", Request("POST", "/aws_mwaa/cli", {}, b"dags delete -y qu.feature1.a"), "dags delete"),
        ("warehouse", Request("POST", "/oidc/v1/token", {}, b"grant_type=client_credentials"), "token"),
        ("warehouse", _thrift("OpenSession"), "OpenSession"),
        ("warehouse", _thrift("ExecuteStatement", " SHOW SCHEMAS"), "ExecuteStatement SHOW SCHEMAS"),
        ("warehouse", _thrift("ExecuteStatement", "\x00\x00\x00SDESCRIBE TABLE"), "ExecuteStatement DESCRIBE TABLE"),
        ("dynamodb", _aws("DynamoDB_20120810.GetItem", {"Key": {"sk": {"S": "state"}}}), "GetItem state"),
        ("events", _aws("AWSEvents.PutEvents", {"Entries": [{"DetailType": "Packaged"}]}), "PutEvents Packaged"),
        ("sqs", _aws("AmazonSQS.SendMessage", {"QueueUrl": "q"}), "SendMessage"),
        (
            "secretsmanager",
            _aws("secretsmanager.GetSecretValue", {"SecretId": "arn:aws:s:e:0:secret:dagbranch/github-AbCdEf"}),
            "GetSecretValue github",
        ),
    ],
)
def test_an_operation_is_named_alike_for_every_pull_request(upstream: str, request_: Request, operation: str) -> None:
    assert operation_of(upstream, request_) == operation


def test_one_fault_per_operation_takes_every_kind_and_first_and_last_requests_in_turn() -> None:
    operations = [f"PUT {number}" for number in range(18)]
    steps = [Step("deploy", "PackageDags", "s3", name, ordinal) for name in operations for ordinal in range(1, 4)]

    chosen = one_per_operation([*steps, *steps])

    assert sorted(one.step.operation for one in chosen) == sorted(operations)
    assert {one.kind for one in chosen} == set(Kind)
    assert {one.step.ordinal for one in chosen} == {1, 3}
    assert len(every_kind_per_step(steps)) == len(steps) * len(Kind)


def test_a_fault_is_for_the_first_that_comes_to_it_and_each_function_meets_no_more_than_it_may() -> None:
    injector = Injector(callers := Callers())
    steps = [Step("deploy", "PackageDags", "s3", "HEAD zip", ordinal) for ordinal in (1, 2)]
    injector.plan("deploy", [Fault(step, Kind.BROKEN) for step in steps], pulls=[6, 7, 8], per_function=1)
    head = Request("HEAD", "/bucket/dags/qu.zip")

    for number, pull in enumerate([5, 6, 6, 7, 7], 1):  # 5 is of no plan; 6 and 7 meet one each, once
        callers.began(number, FUNCTION, "request", json.dumps({"pull_number": pull}).encode())
        for _ in steps:
            injector.kind_of("s3", head, number)
        callers.ended(number, Answer(ok=True, payload=b"null"))

    assert [(one.invocation.number, one.fault.step) for one in injector.injected] == [(2, steps[0]), (4, steps[1])]


def test_a_request_that_is_made_again_is_a_step_only_where_everyone_made_it() -> None:
    once, again, by_chance, cold = (
        Step("deploy", "F", "s3", operation, ordinal)
        for operation, ordinal in [("GET", 1), ("GET", 2), ("PUT", 2), ("GET key", 1)]
    )

    assert steps_of_each([frozenset({once, again, by_chance}), frozenset({once, again, cold})]) == {once, again, cold}
