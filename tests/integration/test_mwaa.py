"""The adapter of MWAA: on real Airflows of both lines behind the double, and on a wire that says what MWAA rarely does.

On the wire a small server stands for both of MWAA's doors, so that its refusals, its faults and its silence are seen.
"""

from __future__ import annotations

import socket
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
import urllib3

from dagbranch.adapters.mwaa import MwaaAirflow
from dagbranch.cli import main
from dagbranch.domain.airflow_listing import ImportFailure, ListedDag, dags_of
from dagbranch.domain.packaging import read_manifest, source_path_of
from dagbranch.errors import InvalidEventError, NotYetError, TransientUpstreamError, UpstreamError
from local.airflow.http_server import HttpServer, Reply, Request
from local.certificates import Certificates
from local.processes import wait_until
from tests.integration.mwaa_stack import NAME, MwaaStack, mwaa_client

if TYPE_CHECKING:
    from mypy_boto3_mwaa import MWAAClient

COMMIT = "1" * 40
TOKEN = "the-token-of-one-minute"
DAG = b"""from datetime import datetime
from airflow import DAG

dag = DAG("qu.test_dag", start_date=datetime(2026, 1, 1), schedule="@daily", tags=["team"])
"""
BROKEN = b"from airflow import DAG\n\nraise RuntimeError('no such luck')\n"
TAGGED = """from airflow import DAG
dag = DAG("{dag_id}", schedule=None, tags=["branch_leaves"])
"""
MANY = """from airflow import DAG
for number in range(101):
    globals()[f"dag_{{number}}"] = DAG(f"{dag_id}_{{number:03}}", schedule=None, tags=["{dag_id}"])
"""
WAITING = """import os, time
from airflow import DAG
from airflow.decorators import task

with DAG("{dag_id}", schedule=None, tags=["{dag_id}"]):
    @task
    def wait():
        until = time.monotonic() + 120
        while os.path.exists(os.path.join(os.environ["AIRFLOW_HOME"], "hold")) and time.monotonic() < until:
            time.sleep(0.2)
    wait()
"""
HOSTILE_IDS = ["x; rm -rf /", "-h", "--help", "", "a b", "a\nb", "$(id)", "../x", "x" * 251]


@pytest.fixture
def airflow(stack: MwaaStack) -> Iterator[MwaaAirflow]:
    with _adapter(stack.client, stack.certificates) as adapter:
        yield adapter


@contextmanager
def _adapter(client: MWAAClient, certificates: Certificates) -> Iterator[MwaaAirflow]:
    with urllib3.PoolManager(ca_certs=str(certificates.authority)) as http:
        yield MwaaAirflow(client, NAME, http)


# On real Airflows


def test_environment_is_listed_turns_stale_with_its_zip_and_is_deleted(
    stack: MwaaStack, airflow: MwaaAirflow, tmp_path: Path
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    stack.put("anybodys.py", TAGGED.format(dag_id="anybodys").encode())
    _deploy(stack, tmp_path, "branch_leaves", {"dags/qu/test_dag.py": DAG})
    listed = _wait_for(airflow, "branch_leaves", lambda dags: len(dags) == 2 and all(dag.is_active for dag in dags))

    stack.remove("branch_leaves.zip")
    left = _wait_for(airflow, "branch_leaves", lambda dags: not all(dag.is_active for dag in dags))
    airflow.delete_dag("qu.branch_leaves.test_dag")
    kept = airflow.dags("branch_leaves")

    [own] = dags_of("branch_leaves", listed.values())
    assert own.dag_id == "qu.branch_leaves.test_dag"
    assert own.file_location == str(stack.airflow.dags_folder / "branch_leaves.zip" / "dag__qu__test_dag.py")
    assert own.tags == {"branch_leaves", "team", "commit:1111111"}
    assert listed["anybodys"].tags == {"branch_leaves"}
    for dag in listed.values():
        assert dag.parsed_at is not None
        assert before < dag.parsed_at < datetime.now(UTC)
    assert {dag_id: dag.is_active for dag_id, dag in left.items()} == {own.dag_id: False, "anybodys": True}
    assert left[own.dag_id].tags == own.tags
    assert [dag.dag_id for dag in kept] == ["anybodys"]


def test_import_failure_names_the_module_in_the_zip_and_has_its_traceback(
    stack: MwaaStack, airflow: MwaaAirflow, tmp_path: Path
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    _deploy(stack, tmp_path, "branch_breaks", {"dags/qu/test_dag.py": DAG, "dags/qu/broken.py": BROKEN})
    told: list[ImportFailure] = []

    def failed() -> bool:
        """Airflow forgets the errors inside of zips whenever it lists the folder, until it parses the zip again."""
        told.extend(one for one in airflow.import_failures() if "branch_breaks" in one.file_location)
        return bool(told)

    wait_until(failed, what="the import error is told", deadline_seconds=60)

    failure = told[0]
    assert failure.file_location == str(stack.airflow.dags_folder / "branch_breaks.zip" / "dag__qu__broken.py")
    manifest = read_manifest((tmp_path / "dags" / "branch_breaks.zip").read_bytes())
    assert source_path_of(failure.file_location, manifest) == "qu/broken.py"
    assert "RuntimeError: no such luck" in failure.stack_trace
    assert 'branch_breaks/qu/broken.py", line 3' in failure.stack_trace
    assert failure.at is not None
    assert before < failure.at < datetime.now(UTC)


def test_more_rows_than_a_page_holds_are_all_listed_once(stack: MwaaStack, airflow: MwaaAirflow) -> None:
    stack.put("crowd.py", MANY.format(dag_id="crowd").encode())

    listed = _wait_for(airflow, "crowd", lambda dags: len(dags) >= 101)

    assert sorted(listed) == [f"crowd_{number:03}" for number in range(101)]
    assert len(airflow.dags("crowd")) == 101


def test_tag_that_nobody_has_lists_nothing(airflow: MwaaAirflow) -> None:
    assert airflow.dags("nobodys") == []


def test_dag_that_is_not_there_is_deleted_already(stack: MwaaStack) -> None:
    """With the status that AWS does not document; with the other one, a running task's refusal comes below."""
    with (
        stack.other_mwaa(failed_command_status=400) as mwaa,
        _adapter(mwaa_client(mwaa.endpoint), stack.certificates) as airflow,
    ):
        airflow.delete_dag("qu.gone.test_dag")

        assert airflow.dags("gone") == []


def test_dag_whose_task_runs_is_not_deleted_yet(stack: MwaaStack, airflow: MwaaAirflow) -> None:
    hold = stack.airflow.folder / "hold"
    hold.touch()
    try:
        stack.put_dag("busy", WAITING)
        stack.trigger("busy")
        wait_until(lambda: _task_state(stack, "busy") == "running", what="the task runs", deadline_seconds=120)

        with pytest.raises(NotYetError, match="tasks of busy are still running") as refused:
            airflow.delete_dag("busy")

        assert refused.value.retry_seconds > 0
        assert [dag.dag_id for dag in airflow.dags("busy")] == ["busy"]
    finally:
        hold.unlink()
    wait_until(lambda: _task_state(stack, "busy") == "success", what="the task ends", deadline_seconds=60)


def test_caller_whom_aws_refuses_is_told_so(stack: MwaaStack) -> None:
    with (
        stack.other_mwaa(authorize=lambda *_: False) as mwaa,
        _adapter(mwaa_client(mwaa.endpoint), stack.certificates) as airflow,
    ):
        for call in (lambda: airflow.dags("any"), airflow.import_failures, lambda: airflow.delete_dag("any")):
            with pytest.raises(UpstreamError, match="AccessDeniedException") as refused:
                call()
            assert type(refused.value) is UpstreamError


def test_token_that_has_expired_on_its_way_is_refused(stack: MwaaStack) -> None:
    times = iter(range(0, 1000, 61))
    with (
        stack.other_mwaa(clock=lambda: float(next(times))) as mwaa,
        _adapter(mwaa_client(mwaa.endpoint), stack.certificates) as airflow,
        pytest.raises(UpstreamError, match="answered 403 to 'airflow dags delete -y any'") as refused,
    ):
        airflow.delete_dag("any")

    assert type(refused.value) is UpstreamError


def _deploy(stack: MwaaStack, folder: Path, environment: str, files: dict[str, bytes]) -> None:
    """What the command packages, put as a deploy puts it: the zip last."""
    for path, content in files.items():
        (folder / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / path).write_bytes(content)
    dags = folder / "dags"
    options = {"--environment": environment, "--commit": COMMIT, "--output": str(dags)}
    assert main(["package", str(folder / "source"), *(word for option in options.items() for word in option)]) == 0
    for file in sorted((dags / environment).rglob("*")):
        if file.is_file():
            stack.put(file.relative_to(dags).as_posix(), file.read_bytes())
    stack.put(f"{environment}.zip", (dags / f"{environment}.zip").read_bytes())


def _wait_for(airflow: MwaaAirflow, environment: str, there: Callable[[list[ListedDag]], bool]) -> dict[str, ListedDag]:
    seen: list[ListedDag] = []

    def asked() -> bool:
        seen[:] = airflow.dags(environment)
        return there(seen)

    wait_until(asked, what=f"the rows of {environment} are as expected", deadline_seconds=60)
    return {dag.dag_id: dag for dag in seen}


def _task_state(stack: MwaaStack, dag_id: str) -> str | None:
    tasks = stack.rest("GET", f"/dags/{dag_id}/dagRuns/r1/taskInstances")["task_instances"]
    return tasks[0]["state"] if tasks else None


# On the wire


class Wire:
    """Gives the answers that a test wants, and keeps every request."""

    def __init__(self, certificates: Certificates) -> None:
        self.web_server = HttpServer(self._answer_cli, certificates)
        self.control_plane = HttpServer(self._answer_aws)
        self.client = mwaa_client(f"http://{self.control_plane.address}")
        self.reset()

    def reset(self) -> None:
        self.requests: list[Request] = []
        self.rest = Reply(200, {"RestApiStatusCode": 200, "RestApiResponse": {"version": "3.0.6"}})
        self.token = _token(self.web_server.address)
        self.cli = _printed(200, stdout="Removed 1 record(s)\n")

    def __enter__(self) -> Self:
        self.web_server.start()
        self.control_plane.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.control_plane.stop()
        self.web_server.stop()

    def _answer_aws(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.token if request.path.startswith("/clitoken/") else self.rest

    def _answer_cli(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.cli


@pytest.fixture(scope="module")
def started_wire(certificates: Certificates) -> Iterator[Wire]:
    with Wire(certificates) as wire:
        yield wire


@pytest.fixture
def wire(started_wire: Wire) -> Wire:
    """As if it had been started anew: to make a client costs more than a test."""
    started_wire.reset()
    return started_wire


@pytest.fixture
def wired(wire: Wire, certificates: Certificates) -> Iterator[MwaaAirflow]:
    with _adapter(wire.client, certificates) as adapter:
        yield adapter


@pytest.mark.parametrize("dag_id", HOSTILE_IDS)
def test_id_that_is_none_is_refused_before_anything_is_asked(wire: Wire, wired: MwaaAirflow, dag_id: str) -> None:
    with pytest.raises(InvalidEventError):
        wired.delete_dag(dag_id)

    assert wire.requests == []


def test_command_goes_out_as_mwaa_documents_it(wire: Wire, wired: MwaaAirflow) -> None:
    wired.delete_dag("qu.feature1.test_dag")

    sent = wire.requests[-1]
    assert (sent.method, sent.path, sent.body) == ("POST", "/aws_mwaa/cli", b"dags delete -y qu.feature1.test_dag")
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["Content-Type"] == "text/plain"


def test_token_goes_to_no_server_without_a_certificate_of_those_we_trust(wire: Wire) -> None:
    with urllib3.PoolManager() as http:
        error = _refusal(MwaaAirflow(wire.client, NAME, http))

    assert type(error) is TransientUpstreamError
    assert [request.path for request in wire.requests] == [f"/clitoken/{NAME}"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Reply(500, "Internal Server Error"), TransientUpstreamError),
        (Reply(502, "<html>Bad Gateway"), TransientUpstreamError),
        (Reply(504, {"message": "Endpoint request timed out"}), TransientUpstreamError),
        (Reply(429, "Too Many Requests"), TransientUpstreamError),
        (Reply(400, "Bad Request"), UpstreamError),
        (Reply(401, "Unauthorized"), UpstreamError),
        (Reply(403, {"message": "Forbidden"}), UpstreamError),
        (Reply(302, "", {"Location": "https://127.0.0.1:1/login"}), UpstreamError),
        (Reply(200, "<html>Sign in"), UpstreamError),
        (Reply(200, {"stdout": None, "stderr": None}), UpstreamError),
        (Reply(200, ["Removed "]), UpstreamError),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else "",
)
def test_answer_of_the_cli_endpoint_that_is_none(
    wire: Wire, wired: MwaaAirflow, answer: Reply, kind: type[UpstreamError]
) -> None:
    wire.cli = answer

    error = _refusal(wired)

    assert type(error) is kind
    assert f"answered {answer.status} to 'airflow dags delete -y qu.x'" in str(error)


def test_words_of_airflow_that_are_neither_success_nor_absence_are_passed_on(wire: Wire, wired: MwaaAirflow) -> None:
    wire.cli = _printed(200, stderr="Traceback\nsqlalchemy.exc.OperationalError: database is locked\n")

    error = _refusal(wired)

    assert type(error) is UpstreamError
    assert "deleting qu.x: Airflow said 'sqlalchemy.exc.OperationalError: database is locked'" in str(error)


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidClientTokenId"])
def test_credentials_that_aws_refuses_are_refused_for_good(wire: Wire, wired: MwaaAirflow, code: str) -> None:
    wire.rest = wire.token = _aws_error(403, code)

    for error in _refusals(wired):
        assert type(error) is UpstreamError
        assert code in str(error)


def test_a_session_that_has_expired_is_worth_another_try(wire: Wire, wired: MwaaAirflow) -> None:
    wire.rest = wire.token = _aws_error(403, "ExpiredTokenException")

    for error in _refusals(wired):
        assert type(error) is TransientUpstreamError


@pytest.mark.parametrize("status", [500, 503])
def test_fault_of_aws_passes(wire: Wire, wired: MwaaAirflow, status: int) -> None:
    wire.rest = wire.token = _aws_error(status, "InternalServerException")

    for error in _refusals(wired):
        assert type(error) is TransientUpstreamError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, UpstreamError),
        (404, UpstreamError),
        (429, TransientUpstreamError),
        (500, TransientUpstreamError),
        (504, TransientUpstreamError),
    ],
)
def test_status_of_airflow_inside_of_awss_error_decides(
    wire: Wire, wired: MwaaAirflow, status: int, kind: type[UpstreamError]
) -> None:
    code = "RestApiClientException" if status < 500 else "RestApiServerException"
    wire.rest = _aws_error(400, code, RestApiStatusCode=status, RestApiResponse={"detail": "no"})

    with pytest.raises(UpstreamError, match=f"asking Airflow for /importErrors: it answered {status}") as refused:
        wired.import_failures()

    assert type(refused.value) is kind


@pytest.mark.parametrize("body", ["<html>Sign in", [], None, {}, {"dags": None, "import_errors": None}])
def test_answer_that_is_no_listing_is_not_taken_for_an_empty_one(wire: Wire, wired: MwaaAirflow, body: Any) -> None:
    versioned = {"version": "3.0.6", **body} if isinstance(body, dict) else body
    for content in (body, versioned):
        wire.rest = Reply(200, {"RestApiStatusCode": 200, "RestApiResponse": content})

        for call in (lambda: wired.dags("any"), wired.import_failures):
            with pytest.raises(UpstreamError, match=r"asking Airflow for .*: its answer"):
                call()


def test_mwaa_that_cannot_be_reached_may_be_there_later(certificates: Certificates) -> None:
    with _adapter(mwaa_client(f"http://{_closed_address()}"), certificates) as airflow:
        errors = _refusals(airflow)

    assert {type(error) for error in errors} == {TransientUpstreamError}


def test_web_server_that_cannot_be_reached_may_be_there_later(wire: Wire, wired: MwaaAirflow) -> None:
    wire.token = _token(_closed_address())

    assert type(_refusal(wired)) is TransientUpstreamError


def _refusals(airflow: MwaaAirflow) -> list[UpstreamError]:
    """What each of the adapter's questions raises."""
    errors = [_refusal(airflow)]
    for call in (lambda: airflow.dags("any"), airflow.import_failures):
        with pytest.raises(UpstreamError) as raised:
            call()
        errors.append(raised.value)
    return errors


def _refusal(airflow: MwaaAirflow) -> UpstreamError:
    """What a delete raises, after a look at it: the token is in nothing that a log could show of it."""
    with pytest.raises(UpstreamError) as raised:
        airflow.delete_dag("qu.x")
    assert TOKEN not in "".join(traceback.format_exception(raised.value))
    return raised.value


def _token(web_server: str) -> Reply:
    return Reply(200, {"CliToken": TOKEN, "WebServerHostname": web_server})


def _printed(status: int, stdout: str = "", stderr: str = "") -> Reply:
    streams = {"stdout": stdout, "stderr": stderr}
    return Reply(status, {name: b64encode(text.encode()).decode() for name, text in streams.items()})


def _aws_error(status: int, code: str, **members: Any) -> Reply:
    return Reply(status, {"message": f"said of {code}", **members}, {"x-amzn-ErrorType": code})


def _closed_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
