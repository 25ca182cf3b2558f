"""The adapter of MWAA on a wire that says what MWAA rarely does.

A small server stands for both of its doors, so that its refusals, its faults and its silence are seen.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import threading
import time
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Self, cast

import pytest
import urllib3

from dagbranch.adapters.airflow_cli import CliDoor
from dagbranch.adapters.dynamodb_leases import DynamoDbLeases
from dagbranch.adapters.mwaa import Door, MwaaAirflow
from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.errors import InvalidEventError, NotYetError, StillRunningError, TransientUpstreamError, UpstreamError
from dagbranch.ports import Runs
from local.airflow.cli_endpoint import CliEndpoint
from local.airflow.http_server import HttpServer, Reply, Request
from local.airflow.server import LocalAirflow
from local.aws.ministack import Ministack
from local.certificates import Certificates
from tests.fakes.leases import InMemoryLeases
from tests.fakes.template import registry_table
from tests.integration.mwaa_stack import NAME, airflow_through, mwaa_client

TOKEN = "the-token-of-one-minute"
HOSTILE_IDS = ["x; rm -rf /", "-h", "--help", "", "a b", "a\nb", "$(id)", "../x", "x" * 251]
FITS = "x" * 58
TOO_LONG = "x" * 59
ROW = {"dag_id": "a", "fileloc": "/dags/a.zip/x.py", "tags": [], "is_stale": False}
SINCE = datetime(2026, 11, 21, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NO_REST_API: list[Callable[[], Reply]] = [
    lambda: _aws_error(400, "ValidationException"),
    lambda: _aws_error(400, "RestApiClientException", RestApiStatusCode=404, RestApiResponse={}),
]
LOG = "[2026-11-21T11:10:41.487+0000] {delete_dag.py:53} INFO - Deleting DAG\n"

type Answers = Reply | Callable[[dict[str, Any]], Reply]


class Wire:
    """Gives the answers that a test wants, and keeps every request."""

    def __init__(self, certificates: Certificates) -> None:
        self.web_server = HttpServer(self._answer_cli, certificates)
        self.control_plane = HttpServer(self._answer_aws)
        self.client = mwaa_client(f"http://{self.control_plane.address}")
        self.reset()

    def reset(self) -> None:
        """``rest`` answers a call to Airflow's API, given its members; ``cli`` the commands, the last one for good."""
        self.requests: list[Request] = []
        self.rest: Answers = _airflow({"version": "3.0.6"})
        self.token = _token(self.web_server.address)
        self.environment = Reply(
            200, {"Environment": {"WebserverUrl": "x.airflow.example", "AirflowVersion": "2.10.3"}}
        )
        self.cli = [_printed(200, stdout="Removed 1 record(s)\n")]

    @property
    def asked(self) -> list[str]:
        """The calls to Airflow, through whichever door, but for the questions for its version."""
        calls = [json.loads(one.body) for one in self.requests if one.path.startswith("/restapi/")]
        told = [f"{call['Method']} {call['Path']}" for call in calls if call["Path"] != "/version"]
        return [*told, *(one.body.decode() for one in self.requests if one.path == "/aws_mwaa/cli")]

    @property
    def tokens(self) -> int:
        return sum(one.path.startswith("/clitoken/") for one in self.requests)

    def __enter__(self) -> Self:
        self.web_server.start()
        self.control_plane.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.control_plane.stop()
        self.web_server.stop()

    def _answer_aws(self, request: Request) -> Reply:
        self.requests.append(request)
        if request.path.startswith("/environments/"):
            return self.environment
        if request.path.startswith("/clitoken/"):
            return self.token
        return self.rest if isinstance(self.rest, Reply) else self.rest(json.loads(request.body))

    def _answer_cli(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.cli.pop(0) if len(self.cli) > 1 else self.cli[0]


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
def cli(wire: Wire, certificates: Certificates) -> Iterator[MwaaAirflow]:
    with airflow_through("cli", wire.client, certificates) as airflow:
        yield airflow


@pytest.fixture
def rest(wire: Wire, certificates: Certificates) -> Iterator[MwaaAirflow]:
    with airflow_through("rest", wire.client, certificates) as airflow:
        yield airflow


@pytest.fixture
def auto(wire: Wire, certificates: Certificates) -> Iterator[MwaaAirflow]:
    with airflow_through("auto", wire.client, certificates) as airflow:
        yield airflow


@pytest.fixture(params=["cli", "rest", "auto"])
def airflow(request: pytest.FixtureRequest, wire: Wire, certificates: Certificates) -> Iterator[MwaaAirflow]:
    with airflow_through(request.param, wire.client, certificates) as airflow:
        yield airflow


# Both doors


@pytest.mark.parametrize("dag_id", HOSTILE_IDS)
def test_id_that_is_none_is_refused_before_anything_is_asked(wire: Wire, airflow: MwaaAirflow, dag_id: str) -> None:
    for call in (airflow.delete_dag, airflow.pause, lambda one: airflow.end_runs([one])):
        with pytest.raises(InvalidEventError):
            call(dag_id)

    assert wire.asked == []


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidClientTokenId"])
def test_credentials_that_aws_refuses_are_refused_for_good(wire: Wire, airflow: MwaaAirflow, code: str) -> None:
    wire.rest = wire.token = _aws_error(403, code)

    for error in _refusals(airflow):
        assert type(error) is UpstreamError
        assert code in str(error)


def test_a_session_that_has_expired_is_worth_another_try(wire: Wire, airflow: MwaaAirflow) -> None:
    wire.rest = wire.token = _aws_error(403, "ExpiredTokenException")

    for error in _refusals(airflow):
        assert type(error) is TransientUpstreamError


@pytest.mark.parametrize(
    ("status", "code"), [(500, "InternalServerException"), (503, ""), (429, "ThrottlingException")]
)
def test_fault_of_aws_passes_and_no_other_door_is_tried(
    wire: Wire, airflow: MwaaAirflow, status: int, code: str
) -> None:
    wire.rest = wire.token = _aws_error(status, code)

    for error in _refusals(airflow):
        assert type(error) is TransientUpstreamError
    assert not any(request.path == "/aws_mwaa/cli" for request in wire.requests)


@pytest.mark.parametrize("door", ["cli", "rest", "auto"])
def test_mwaa_that_cannot_be_reached_may_be_there_later(certificates: Certificates, door: Door) -> None:
    with airflow_through(door, mwaa_client(f"http://{_closed_address()}"), certificates) as airflow:
        errors = _refusals(airflow)

    assert {type(error) for error in errors} == {TransientUpstreamError}


def test_no_dags_have_no_runs(wire: Wire, airflow: MwaaAirflow) -> None:
    assert airflow.end_runs([]) == Runs()
    assert wire.asked == []


# Where people look at it


def test_its_address_is_asked_for_once(wire: Wire, auto: MwaaAirflow) -> None:
    pages = [auto.pages(), auto.pages()]

    assert pages == [AirflowPages("https://x.airflow.example", "2.10.3")] * 2
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Reply(403, {"Message": "not authorized"}, {"x-amzn-ErrorType": "AccessDeniedException"}),
        Reply(404, {"message": "not found"}, {"x-amzn-ErrorType": "ResourceNotFoundException"}),
        Reply(200, {"Environment": {"Status": "CREATING"}}),
    ],
    ids=["not allowed", "not there", "no address yet"],
)
def test_an_address_that_aws_does_not_tell_is_none_and_no_fault(wire: Wire, auto: MwaaAirflow, answer: Reply) -> None:
    wire.environment = answer

    assert [auto.pages(), auto.pages()] == [None, None]
    assert len(wire.requests) == 1


def test_an_address_that_is_not_told_for_a_while_is_asked_for_again(wire: Wire, auto: MwaaAirflow) -> None:
    usual, wire.environment = wire.environment, _aws_error(503, "")

    before = auto.pages()
    wire.environment = usual

    assert before is None
    assert auto.pages() == AirflowPages("https://x.airflow.example", "2.10.3")


# Which door


def test_where_the_path_is_short_enough_the_rest_api_is_asked_alone(wire: Wire, auto: MwaaAirflow) -> None:
    auto.delete_dag(FITS)
    auto.pause(FITS)

    assert wire.asked == [f"DELETE /dags/{FITS}", f"PATCH /dags/{FITS}"]


def test_where_the_path_is_too_long_the_cli_deletes(wire: Wire, auto: MwaaAirflow) -> None:
    auto.delete_dag(TOO_LONG)

    assert wire.asked == [f"dags delete -y {TOO_LONG}"]


@pytest.mark.parametrize("act", ["delete_dag", "pause"])
def test_rest_alone_names_the_setting_where_the_path_is_too_long(wire: Wire, rest: MwaaAirflow, act: str) -> None:
    wire.rest = _dags(TOO_LONG, f"{TOO_LONG}_2")

    with pytest.raises(UpstreamError, match="set the parameter AirflowDoor to auto or cli") as refused:
        getattr(rest, act)(TOO_LONG)

    assert not isinstance(refused.value, TransientUpstreamError)
    assert not any(call.startswith("PATCH") for call in wire.asked)


def test_long_id_that_no_other_contains_is_paused_by_itself_as_a_pattern(wire: Wire, auto: MwaaAirflow) -> None:
    wire.rest = _dags(TOO_LONG)

    auto.pause(TOO_LONG)

    assert wire.asked == ["GET /dags", "PATCH /dags"]
    sent = json.loads(wire.requests[-1].body)
    assert sent["QueryParameters"] == {"dag_id_pattern": TOO_LONG, "exclude_stale": False}
    assert sent["Body"] == {"is_paused": True}


def test_long_id_that_another_contains_is_paused_by_the_cli(wire: Wire, auto: MwaaAirflow) -> None:
    wire.rest = _dags(TOO_LONG, f"{TOO_LONG}_2")
    wire.cli = [_printed(200, stdout='[{"dag_id": "x", "is_paused": "True"}]')]

    auto.pause(TOO_LONG)

    assert wire.asked == ["GET /dags", f"dags pause -o json {TOO_LONG}"]


def test_long_id_of_a_dag_that_is_gone_is_paused_already(wire: Wire, auto: MwaaAirflow) -> None:
    wire.rest = _dags(f"{TOO_LONG}_2")

    auto.pause(TOO_LONG)

    assert wire.asked == ["GET /dags"]


@pytest.mark.parametrize("closed", NO_REST_API)
def test_where_there_is_no_rest_api_the_cli_tells_of_good_runs(
    wire: Wire, auto: MwaaAirflow, closed: Callable[[], Reply]
) -> None:
    wire.rest = closed()
    wire.cli = [_printed(200, stdout="2.11.0\n"), _printed(200, stdout=json.dumps([_good_run("a", SINCE + MINUTE)]))]

    assert auto.succeeded(["a"], SINCE) == {"a": SINCE + 2 * MINUTE}


@pytest.mark.parametrize("closed", NO_REST_API)
def test_where_there_is_no_rest_api_the_cli_is_asked(
    wire: Wire, auto: MwaaAirflow, rest: MwaaAirflow, closed: Callable[[], Reply]
) -> None:
    wire.rest = closed()
    wire.cli = [
        _printed(200, stdout="2.11.0\n"),
        _printed(200, stdout='[{"dag_id": "a", "fileloc": "/a", "tags": [], "is_active": "True"}]'),
        _printed(200, stdout="Removed 1 record(s)\n"),
    ]

    tells, listed = auto.lists_let_go, auto.dags()
    auto.delete_dag("a")

    assert (tells, [dag.dag_id for dag in listed]) == (False, ["a"])
    assert [call for call in wire.asked if not call.startswith("GET")][-1] == "dags delete -y a"
    with pytest.raises(UpstreamError, match=f"the MWAA environment {NAME} has no REST API"):
        rest.delete_dag("a")


# The REST API


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, UpstreamError),
        (403, UpstreamError),
        (429, TransientUpstreamError),
        (500, TransientUpstreamError),
        (504, TransientUpstreamError),
    ],
)
def test_status_of_airflow_inside_of_awss_error_decides(
    wire: Wire, rest: MwaaAirflow, status: int, kind: type[UpstreamError]
) -> None:
    wire.rest = _answered(status)

    for call, path in ((rest.import_failures, "/importErrors"), (lambda: rest.delete_dag("a"), "/version")):
        with pytest.raises(UpstreamError, match=f"asking Airflow for {path}: it answered {status}") as refused:
            call()
        assert isinstance(refused.value, TransientUpstreamError) == (kind is TransientUpstreamError)
        assert ("MwaaRole" in str(refused.value)) == (status in {401, 403})


def test_dag_that_airflow_does_not_know_is_gone_and_one_whose_tasks_run_stays(wire: Wire, rest: MwaaAirflow) -> None:
    wire.rest = _by_path({"/version": _airflow({"version": "2.11.0"}), "/dags/gone": _answered(404)}, _answered(409))

    rest.delete_dag("gone")
    rest.pause("gone")

    with pytest.raises(StillRunningError):
        rest.delete_dag("busy")


def test_deletion_without_a_word_is_one(wire: Wire, rest: MwaaAirflow) -> None:
    silent = Reply(200, {"RestApiStatusCode": 204})
    wire.rest = _by_path({"/version": _airflow({"version": "3.0.6"})}, silent)

    rest.delete_dag("a")

    assert wire.asked == ["DELETE /dags/a"]


def test_all_unfinished_runs_are_asked_for_before_the_first_is_ended(wire: Wire, rest: MwaaAirflow) -> None:
    found = [*(_run("a", f"r/{number}") for number in range(100)), _run("b", "r 1")]

    def listed(call: dict[str, Any]) -> Reply:
        offset, limit = call["Body"]["page_offset"], call["Body"]["page_limit"]
        return _airflow({"dag_runs": found[offset : offset + limit], "total_entries": len(found)})

    wire.rest = _by_path({"/dags/~/dagRuns/list": listed, "/dags/b/dagRuns/r%201": _answered(404)}, _version())

    runs = rest.end_runs(["b", "a"])

    assert len(runs.ended) == 101
    assert runs.still_running == ()
    assert wire.asked[:3] == ["POST /dags/~/dagRuns/list"] * 2 + ["PATCH /dags/a/dagRuns/r%2F0"]
    assert wire.asked[-1] == "PATCH /dags/b/dagRuns/r%201"
    asked = next(json.loads(one.body)["Body"] for one in wire.requests if b"dagRuns/list" in one.body)
    assert (asked["dag_ids"], asked["states"]) == (["a", "b"], ["running", "queued"])


def test_good_runs_of_all_pages_are_told_and_asked_for_by_when_they_began(wire: Wire, rest: MwaaAirflow) -> None:
    hour = timedelta(hours=1)
    found = [_good_run("a", SINCE + number * hour / 100) for number in range(1, 101)] + [_good_run("b", SINCE + hour)]

    def listed(call: dict[str, Any]) -> Reply:
        offset, limit = call["Body"]["page_offset"], call["Body"]["page_limit"]
        return _airflow({"dag_runs": found[offset : offset + limit], "total_entries": len(found)})

    wire.rest = _by_path({"/dags/~/dagRuns/list": listed}, _version())

    ended = rest.succeeded(["b", "a", "-h; rm"], SINCE, SINCE + 2 * hour)

    assert ended == {"a": SINCE + hour + MINUTE, "b": SINCE + hour + MINUTE}
    asked = [json.loads(one.body)["Body"] for one in wire.requests if b"dagRuns/list" in one.body]
    assert [one["page_offset"] for one in asked] == [0, 100]
    assert (asked[0]["dag_ids"], asked[0]["states"]) == (["a", "b"], ["success"])
    assert (asked[0]["start_date_gte"], asked[0]["start_date_lte"]) == (SINCE.isoformat(), "2026-11-21T12:00:00+00:00")


@pytest.mark.parametrize("began", [None, SINCE, SINCE - MINUTE, SINCE + 60 * MINUTE])
def test_a_good_run_that_did_not_begin_in_that_time_is_none(
    wire: Wire, rest: MwaaAirflow, cli: MwaaAirflow, began: datetime | None
) -> None:
    run = _good_run("a", began)
    wire.rest = _by_path({"/version": _version()}, _airflow({"dag_runs": [run], "total_entries": 1}))
    printed = {name: value or "" for name, value in run.items()}
    wire.cli = [_printed(200, stdout="3.0.6\n"), _printed(200, stdout=json.dumps([printed]))]

    for airflow in (rest, cli):
        assert airflow.succeeded(["a"], SINCE, SINCE + 60 * MINUTE) == {}


def test_ids_that_are_none_have_no_runs_and_reach_no_command_line(wire: Wire, airflow: MwaaAirflow) -> None:
    assert airflow.succeeded(HOSTILE_IDS, SINCE) == {}
    assert wire.asked == []


@pytest.mark.parametrize(
    ("version", "dag_id", "cleared", "told_as"),
    [
        ("3.0.6", "a", ["a"], "ended"),
        ("3.0.6", "a", ["a", "production.dag"], "still_running"),
        ("3.0.6", "a", [], "still_running"),
        ("2.11.0", "a", ["a"], "still_running"),
        ("3.0.6", "x" * 40, ["x" * 40], "still_running"),
    ],
)
def test_run_with_a_long_path_is_cleared_only_where_that_ends_it_and_touches_no_other_dag(
    wire: Wire, rest: MwaaAirflow, version: str, dag_id: str, cleared: list[str], told_as: str
) -> None:
    run_id = "r" * 60
    tasks = _airflow({"task_instances": [{"dag_id": one} for one in cleared], "total_entries": len(cleared)})
    listed = _airflow({"dag_runs": [_run(dag_id, run_id)], "total_entries": 1})
    wire.rest = _by_path({"/version": _version(version), "/dags/~/dagRuns/list": listed}, tasks)

    runs = rest.end_runs([dag_id])

    told = (f"{dag_id}/{run_id}",)
    assert runs == Runs(**{told_as: told})
    sent = [json.loads(one.body)["Body"] for one in wire.requests if b"clearTaskInstances" in one.body]
    assert [one["dry_run"] for one in sent if not one["dry_run"]] == [False] * len(runs.ended)


@pytest.mark.parametrize(
    "body", ["<html>Sign in", [], None, {}, {"dags": None, "import_errors": None}, {"dags": [{}], "import_errors": [1]}]
)
def test_answer_that_is_no_listing_is_not_taken_for_an_empty_one(wire: Wire, rest: MwaaAirflow, body: Any) -> None:
    versioned = {"version": "3.0.6", **body} if isinstance(body, dict) else body
    for content in (body, versioned):
        wire.rest = _airflow(content)

        for call in (
            *(lambda: rest.dags("any"), rest.import_failures, lambda: rest.end_runs(["any"])),
            lambda: rest.succeeded(["any"], SINCE),
        ):
            with pytest.raises(TransientUpstreamError, match=r"asking Airflow for .*: (its|a row of its) answer"):
                call()


# The CLI endpoint


def test_command_goes_out_as_mwaa_documents_it(wire: Wire, cli: MwaaAirflow) -> None:
    cli.delete_dag("qu.feature1.test_dag")

    sent = wire.requests[-1]
    assert (sent.method, sent.path, sent.body) == ("POST", "/aws_mwaa/cli", b"dags delete -y qu.feature1.test_dag")
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["Content-Type"] == "text/plain"


def test_token_goes_to_no_server_without_a_certificate_of_those_we_trust(wire: Wire) -> None:
    with urllib3.PoolManager() as http:
        error = _refusal(MwaaAirflow(wire.client, NAME, http, leases=_leases(), door="cli"))

    assert type(error) is TransientUpstreamError
    assert [request.path for request in wire.requests] == [f"/clitoken/{NAME}"]


def test_one_token_serves_until_it_is_old_or_refused(wire: Wire, certificates: Certificates) -> None:
    now = [0.0]
    with urllib3.PoolManager(ca_certs=str(certificates.authority)) as http:
        door = CliDoor(wire.client, NAME, http, _leases(), clock=lambda: now[0])
        door.delete_dag("a")
        now[0] = 40.0
        door.delete_dag("b")
        kept = wire.tokens
        wire.cli = [Reply(403, "Forbidden"), _printed(200, stdout="Removed 1 record(s)\n")]
        door.delete_dag("c")
        after_the_refusal = wire.tokens
        now[0] = 90.0
        door.delete_dag("d")

    assert (kept, after_the_refusal, wire.tokens) == (1, 2, 3)


def test_command_waits_for_its_turn_where_another_worker_is_at_it(wire: Wire, certificates: Certificates) -> None:
    leases = _leases()
    with airflow_through("cli", wire.client, certificates, leases) as airflow:
        with leases.held(f"airflow cli {NAME}", 60), pytest.raises(NotYetError):
            airflow.delete_dag("a")
        refused = list(wire.requests)
        airflow.delete_dag("a")

    assert refused == []
    assert wire.asked == ["dags delete -y a"]


@pytest.mark.parametrize("status", [502, 504])
def test_command_without_an_answer_may_still_run_and_keeps_its_turn(
    wire: Wire, certificates: Certificates, status: int
) -> None:
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    wire.cli = [Reply(status, "<html>"), _printed(200, stdout="Removed 1 record(s)\n")]
    with airflow_through("cli", wire.client, certificates, InMemoryLeases(lambda: now[0])) as airflow:
        with pytest.raises(TransientUpstreamError):
            airflow.delete_dag("a")

        with pytest.raises(NotYetError):
            airflow.delete_dag("a")
        asked = list(wire.asked)
        now[0] += timedelta(seconds=81)
        airflow.delete_dag("a")

    assert len(asked) == 1


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
        (Reply(200, "<html>Sign in"), TransientUpstreamError),
        (Reply(200, {"stdout": None, "stderr": None}), TransientUpstreamError),
        (Reply(200, ["Removed "]), TransientUpstreamError),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else "",
)
def test_answer_of_the_cli_endpoint_that_is_none(
    wire: Wire, cli: MwaaAirflow, answer: Reply, kind: type[UpstreamError]
) -> None:
    wire.cli = [answer]

    error = _refusal(cli)

    assert isinstance(error, TransientUpstreamError) == (kind is TransientUpstreamError)
    assert f"answered {answer.status} to 'airflow dags delete -y qu.x'" in str(error)


def test_words_of_airflow_that_are_neither_success_nor_absence_are_passed_on(wire: Wire, cli: MwaaAirflow) -> None:
    wire.cli = [_printed(200, stderr="Traceback\nsqlalchemy.exc.OperationalError: DagNotFound is locked\n")]

    error = _refusal(cli)

    assert type(error) is TransientUpstreamError
    assert "deleting qu.x: Airflow said 'sqlalchemy.exc.OperationalError: DagNotFound is locked'" in str(error)


@pytest.mark.parametrize("status", [200, 400, 500])
def test_words_of_a_failing_command_count_whatever_its_status_is(wire: Wire, cli: MwaaAirflow, status: int) -> None:
    unknown = _printed(status, LOG, "Traceback\nairflow.exceptions.DagNotFound: Dag id a not found\n")
    running = _printed(status, LOG, "Traceback\nairflow.exceptions.AirflowException: TaskInstances still running\n")
    wire.cli = [unknown, running]

    cli.delete_dag("a")

    with pytest.raises(StillRunningError):
        cli.delete_dag("a")


def test_rows_are_read_behind_the_lines_of_the_log(wire: Wire, cli: MwaaAirflow) -> None:
    row = {
        **ROW,
        "tags": [{"name": "feature1", "dag_id": "a"}],
        "is_paused": "True",
        "is_stale": "True",
        "last_parsed_time": "2026-11-21 11:07:39.105959+00:00",
    }
    unknown_yet = {**ROW, "dag_id": "b", "tags": ["feature1"], "is_stale": "None"}
    wire.cli = [_printed(200, f"{LOG}[warning] no list\n{json.dumps([row, unknown_yet, {**row, 'tags': []}])}\n{LOG}")]

    listed = cli.dags("feature1")

    parsed_at = datetime(2026, 11, 21, 11, 7, 39, 105959, tzinfo=UTC)
    expected = ListedDag(
        "a", "/dags/a.zip/x.py", frozenset({"feature1"}), is_active=False, parsed_at=parsed_at, is_paused=True
    )
    assert listed == [expected]


def test_import_errors_are_told_by_a_command_that_fails(wire: Wire, cli: MwaaAirflow) -> None:
    told = json.dumps([{"filepath": "/dags/a.zip/x.py", "error": "Traceback\nRuntimeError: no"}])
    wire.cli = [_printed(400, told), _printed(200, "[]\n")]

    [failure] = cli.import_failures()

    assert (failure.zip_name, failure.stack_trace, failure.at) == ("a", "Traceback\nRuntimeError: no", None)
    assert cli.import_failures() == []


def test_runs_are_told_of_each_dag_and_none_of_one_that_is_gone(wire: Wire, cli: MwaaAirflow) -> None:
    wire.cli = [
        _printed(200, stdout=f"{LOG}3.0.6\n"),
        _printed(200, json.dumps([{"dag_id": "a", "run_id": "r1"}])),
        _printed(400, stderr="DAG: b does not exist in 'dag' table\n"),
    ]

    runs = cli.end_runs(["b", "a"])

    assert runs == Runs(still_running=("a/r1",))
    assert wire.asked[1:] == [f"dags list-runs -o json --state running {one}" for one in "ab"]
    assert cli.lists_let_go


@pytest.mark.parametrize(("version", "option"), [("3.0.6", ""), ("2.11.0", "-d ")])
def test_good_runs_are_told_of_each_dag_by_the_cli(wire: Wire, cli: MwaaAirflow, version: str, option: str) -> None:
    runs = [_good_run("a", SINCE + MINUTE), _good_run("a", SINCE - MINUTE)]
    wire.cli = [
        _printed(200, stdout=f"{version}\n"),
        _printed(200, stdout=LOG + json.dumps(runs)),
        _printed(400, stderr="DAG: b does not exist in 'dag' table\n"),
    ]

    ended = cli.succeeded(["b", "a"], SINCE)

    assert ended == {"a": SINCE + 2 * MINUTE}
    assert wire.asked[1:] == [f"dags list-runs -o json --state success {option}{one}" for one in "ab"]


@pytest.mark.parametrize("printed", ["", "No data", "[1]", '{"dags": []}', LOG, '[{"dag_id": "a"}]', "[{}, "])
def test_output_that_is_no_list_is_not_taken_for_an_empty_one(wire: Wire, cli: MwaaAirflow, printed: str) -> None:
    wire.cli = [_printed(200, stdout=printed)]

    for call in (cli.dags, cli.import_failures, lambda: cli.lists_let_go, lambda: cli.succeeded(["a"], SINCE)):
        with pytest.raises(TransientUpstreamError):
            call()


def test_web_server_that_cannot_be_reached_may_be_there_later(wire: Wire, cli: MwaaAirflow) -> None:
    wire.token = _token(_closed_address())

    assert type(_refusal(cli)) is TransientUpstreamError


class QuickCommand:
    """The ``airflow`` command where its time does not matter: it deletes what is there."""

    line = "3"

    def __init__(self, dag_ids: set[str]) -> None:
        self.dag_ids = dag_ids

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        time.sleep(0.005)
        self.dag_ids.remove(arguments[-1])
        return subprocess.CompletedProcess(arguments, 0, b"Removed 1 record(s)\n", b"")


@pytest.fixture
def leases(emulator: Ministack) -> Iterator[DynamoDbLeases]:
    client = emulator.client("dynamodb")
    client.create_table(**registry_table("leases"))
    yield DynamoDbLeases(client, "leases", "a worker")
    client.delete_table(TableName="leases")


def test_fifty_workers_at_once_never_have_two_commands_open(
    wire: Wire, certificates: Certificates, leases: DynamoDbLeases
) -> None:
    command = QuickCommand({f"dag_{number}" for number in range(50)})
    endpoint = CliEndpoint(cast("LocalAirflow", command), lambda token: token == TOKEN, 200)
    server = HttpServer(endpoint.answer, certificates)
    server.start()
    wire.token = _token(server.address)
    together = threading.Barrier(50)

    def remove(number: int) -> int:
        """What the queue does for a worker: it brings the message again."""
        refusals = 0
        together.wait(timeout=60)
        with airflow_through("cli", wire.client, certificates, leases) as airflow:
            while True:
                try:
                    airflow.delete_dag(f"dag_{number}")
                except NotYetError:
                    refusals += 1
                    time.sleep(random.uniform(0.2, 1))
                else:
                    return refusals

    try:
        with ThreadPoolExecutor(50) as pool:
            refusals = list(pool.map(remove, range(50)))
    finally:
        server.stop()

    assert command.dag_ids == set()
    assert endpoint.most_at_once == 1
    assert sum(refusals) > 0


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


def _leases() -> InMemoryLeases:
    return InMemoryLeases(partial(datetime.now, UTC))


def _token(web_server: str) -> Reply:
    return Reply(200, {"CliToken": TOKEN, "WebServerHostname": web_server})


def _printed(status: int, stdout: str = "", stderr: str = "") -> Reply:
    streams = {"stdout": stdout, "stderr": stderr}
    return Reply(status, {name: b64encode(text.encode()).decode() for name, text in streams.items()})


def _airflow(content: Any) -> Reply:
    return Reply(200, {"RestApiStatusCode": 200, "RestApiResponse": content})


def _version(version: str = "3.0.6") -> Reply:
    return _airflow({"version": version})


def _answered(status: int) -> Reply:
    code = "RestApiClientException" if status < 500 else "RestApiServerException"
    return _aws_error(400, code, RestApiStatusCode=status, RestApiResponse={"detail": "no"})


def _by_path(answers: dict[str, Answers], other: Reply) -> Callable[[dict[str, Any]], Reply]:
    def answer(call: dict[str, Any]) -> Reply:
        found = answers.get(call["Path"], other)
        return found if isinstance(found, Reply) else found(call)

    return answer


def _dags(*dag_ids: str) -> Callable[[dict[str, Any]], Reply]:
    rows = [{**ROW, "dag_id": dag_id} for dag_id in dag_ids]
    return _by_path({"/version": _version()}, _airflow({"dags": rows, "total_entries": len(rows)}))


def _run(dag_id: str, run_id: str) -> dict[str, str]:
    return {"dag_id": dag_id, "dag_run_id": run_id}


def _good_run(dag_id: str, began_at: datetime | None) -> dict[str, str | None]:
    ended_at = (began_at or SINCE) + MINUTE
    times = {"start_date": began_at.isoformat() if began_at else None, "end_date": ended_at.isoformat()}
    return {"dag_id": dag_id, "dag_run_id": "r1", "state": "success", **times}


def _aws_error(status: int, code: str, **members: Any) -> Reply:
    return Reply(status, {"message": f"said of {code}", **members}, {"x-amzn-ErrorType": code})


def _closed_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
