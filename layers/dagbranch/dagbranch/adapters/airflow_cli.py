"""Airflow through the CLI endpoint of MWAA's web server: ``airflow`` commands, one at a time for the whole server.

It needs ``airflow:CreateCliToken`` on ``environment/<environment>``. AWS asks to open no new request before the last
one is complete, so every command runs under a lease of the whole stack.

https://docs.aws.amazon.com/mwaa/latest/userguide/call-mwaa-apis-cli.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import urllib3

from dagbranch.adapters.airflow_answers import finished_run, import_failure, last_ends, listed_dag, rows_of
from dagbranch.adapters.aws_errors import translated
from dagbranch.domain.airflow_listing import FinishedRun, ImportFailure, ListedDag, check_dag_id, is_dag_id
from dagbranch.errors import StillRunningError, TransientUpstreamError, UpstreamError
from dagbranch.ports import Leases, Runs

if TYPE_CHECKING:
    from mypy_boto3_mwaa import MWAAClient

_TIMEOUT: Final = urllib3.Timeout(connect=10, read=65)  # MWAA itself gives a command 60 s
_LEASE_SECONDS: Final = 80  # longer than a command can take: without its worker, or an answer, it still runs
_UNANSWERED: Final = frozenset({502, 504})
_TOKEN_SECONDS: Final = 45.0  # of the 60 that it lives
_LOOKING_SECONDS: Final = 60.0  # for who still runs, at 5 s a DAG; who is not asked about is waited for as well
_COLUMNS: Final = "dag_id,fileloc,tags,is_paused,is_active,is_stale,last_parsed_time"  # unknown ones are left out
_RUNNING: Final = re.compile(r"^(?:[\w.]+\.)?AirflowException: TaskInstances still running", re.MULTILINE)
_UNKNOWN: Final = re.compile(r"^(?:[\w.]+\.)?DagNotFound: |^DAG: \S+ does not exist in 'dag' table", re.MULTILINE)
_DELETED: Final = re.compile(r"^Removed \d+ record", re.MULTILINE)
_PAUSED_ALREADY: Final = re.compile(r"^No unpaused DAGs were found", re.MULTILINE)  # or not there
_VERSION: Final = re.compile(r"^(\d+)\.\d+\.\d+", re.MULTILINE)


class _UnansweredError(TransientUpstreamError):
    """A command was begun, and nobody knows whether it has ended."""


@dataclass(frozen=True)
class Printed:
    stdout: str
    stderr: str

    @property
    def last_line(self) -> str:
        lines = f"{self.stdout}\n{self.stderr}".strip().splitlines()
        return lines[-1][:200] if lines else ""


@dataclass(frozen=True)
class _Token:
    value: str
    host: str
    issued_at: float


class CliDoor:
    """It cannot end a run, and before Airflow 3 it does not list what the server has let go of."""

    def __init__(
        self,
        client: MWAAClient,
        name: str,
        http: urllib3.PoolManager,
        leases: Leases,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._name = name
        self._http = http
        self._leases = leases
        self._clock = clock
        self._token: _Token | None = None
        self._unanswered = ExitStack()

    @property
    def lists_let_go(self) -> bool:
        """Airflow 2 lists what it finds in the dags folder, Airflow 3 what is in its database."""
        return self._is_airflow_3

    def dags(self, environment: str | None = None) -> Sequence[ListedDag]:
        """Without what Airflow 2 finds in the folder before its scheduler does: nobody can delete or run that yet."""
        command = f"dags list -o json --columns {_COLUMNS}"
        found = [row for row in _rows(self._run(command), command) if _is_known(row)]
        listed = rows_of(found, listed_dag, f"'airflow {command}'")
        return [dag for dag in listed if environment is None or environment in dag.tags]

    def import_failures(self) -> Sequence[ImportFailure]:
        command = "dags list-import-errors -o json"
        return rows_of(_rows(self._run(command), command), import_failure, f"'airflow {command}'")

    def succeeded(
        self, dag_ids: Collection[str], since: datetime, until: datetime | None = None
    ) -> Mapping[str, datetime]:
        """The command's own ``--start-date`` is of the logical date, which may be long before the run began."""
        runs: list[FinishedRun | None] = []
        for dag_id in sorted(filter(is_dag_id, dag_ids)):
            command = f"dags list-runs -o json --state success {self._of_dag}{dag_id}"
            runs += rows_of(_runs(self._run(command), command), finished_run, f"'airflow {command}'")
        return last_ends(runs, since, until)

    def pause(self, dag_id: str) -> None:
        command = f"dags pause -o json {check_dag_id(dag_id)}"
        printed = self._run(command)
        if not _PAUSED_ALREADY.search(printed.stdout):
            _rows(printed, command)

    def end_runs(self, dag_ids: Collection[str]) -> Runs:
        """Ends none: tells which run, of as many DAGs as there is time to ask about."""
        asked = sorted(map(check_dag_id, dag_ids))
        if not asked:
            return Runs()
        option = self._of_dag
        still: list[str] = []
        until = self._clock() + _LOOKING_SECONDS
        with self._alone(_LEASE_SECONDS + int(_LOOKING_SECONDS)):
            for dag_id in asked:
                if self._clock() > until:
                    break
                still += self._running_of(dag_id, option)
        return Runs(still_running=tuple(still))

    def delete_dag(self, dag_id: str) -> None:
        printed = self._run(f"dags delete -y {check_dag_id(dag_id)}")
        if _RUNNING.search(printed.stderr):
            raise StillRunningError(dag_id)
        if not _DELETED.search(printed.stdout) and not _UNKNOWN.search(printed.stderr):
            raise TransientUpstreamError(f"deleting {dag_id}: Airflow said {printed.last_line!r}")

    def _running_of(self, dag_id: str, option: str) -> list[str]:
        command = f"dags list-runs -o json --state running {option}{dag_id}"
        printed = self._ask(command)
        return rows_of(_runs(printed, command), lambda run: f"{run['dag_id']}/{run['run_id']}", f"'airflow {command}'")

    @property
    def _of_dag(self) -> str:
        """How ``dags list-runs`` takes an id."""
        return "" if self._is_airflow_3 else "-d "

    @cached_property
    def _is_airflow_3(self) -> bool:
        printed = self._run("version")
        found = _VERSION.findall(printed.stdout)
        if not found:
            raise TransientUpstreamError(f"asking for Airflow's version: it said {printed.last_line!r}")
        return int(found[-1]) >= 3

    def _run(self, command: str) -> Printed:
        with self._alone(_LEASE_SECONDS):
            return self._ask(command)

    @contextmanager
    def _alone(self, seconds: int) -> Iterator[None]:
        """The turn of a command without an answer is not given back: it ends with its time."""
        with ExitStack() as turn:
            turn.enter_context(self._leases.held(f"airflow cli {self._name}", seconds))
            try:
                yield
            except _UnansweredError:
                self._unanswered = turn.pop_all()
                raise

    def _ask(self, command: str) -> Printed:
        """What the command printed, whether it succeeded or not."""
        is_kept = self._token is not None and self._clock() - self._token.issued_at < _TOKEN_SECONDS
        token = self._token if is_kept and self._token is not None else self._new_token()
        status, body = self._post(command, token)
        if status in {401, 403} and is_kept:  # not run: a kept token may have run out on its way
            status, body = self._post(command, self._new_token())
        return _printed(command, status, body)

    def _new_token(self) -> _Token:
        issued_at = self._clock()
        with translated("asking for a CLI token (airflow:CreateCliToken)"):
            answer = self._client.create_cli_token(Name=self._name)
        self._token = _Token(answer["CliToken"], answer["WebServerHostname"], issued_at)
        return self._token

    def _post(self, command: str, token: _Token) -> tuple[int, bytes]:
        with _http_translated(f"asking MWAA for 'airflow {command}'"):
            answer = self._http.request(
                "POST",
                f"https://{token.host}/aws_mwaa/cli",
                body=command,
                headers={"Authorization": f"Bearer {token.value}", "Content-Type": "text/plain"},
                timeout=_TIMEOUT,
                retries=False,
                redirect=False,
            )
        return answer.status, answer.data


def _printed(command: str, status: int, body: bytes) -> Printed:
    """Both streams of an answer. A command that fails has them too, whatever its status is."""
    streams = _streams(body)
    if streams is not None and status not in {401, 403}:
        return streams
    said = f"MWAA's CLI endpoint answered {status} to 'airflow {command}'"
    if status in {401, 403}:
        raise UpstreamError(f"{said}: it does not take the token that airflow:CreateCliToken gave the function's role")
    if status == 500:
        raise TransientUpstreamError(f"{said}: so it does to commands that this version of MWAA does not support")
    if status in _UNANSWERED:
        raise _UnansweredError(said)
    passing = status < 300 or status >= 429  # rubbish comes from what stands between, for a while
    raise (TransientUpstreamError if passing else UpstreamError)(said)


def _streams(body: bytes) -> Printed | None:
    try:
        answer = json.loads(body)
        texts = [base64.b64decode(answer[name]).decode("utf-8", "replace") for name in ("stdout", "stderr")]
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
    return Printed(*texts)


def _rows(printed: Printed, command: str) -> list[dict[str, Any]]:
    """The JSON list on the standard output, after whatever Airflow logged there before it.

    Raises TransientUpstreamError where there is none: never taken for an empty one, which would end a removal.
    """
    decoder = json.JSONDecoder()
    for start in re.finditer(r"^\[", printed.stdout, re.MULTILINE):
        try:
            rows, _ = decoder.raw_decode(printed.stdout, start.start())
        except ValueError:
            continue  # a line of the log, which begins with a time in brackets
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            return rows
    raise TransientUpstreamError(f"'airflow {command}' printed no list: it said {printed.last_line!r}")


def _runs(printed: Printed, command: str) -> list[dict[str, Any]]:
    """None of a DAG that is not there."""
    return [] if _UNKNOWN.search(printed.stderr) else _rows(printed, command)


def _is_known(row: dict[str, Any]) -> bool:
    told = row.get("is_stale", row.get("is_active", True))
    return str(told).lower() in {"true", "false"}


@contextmanager
def _http_translated(doing: str) -> Iterator[None]:
    try:
        yield
    except (urllib3.exceptions.ReadTimeoutError, urllib3.exceptions.ProtocolError) as error:
        raise _UnansweredError(f"{doing}: {type(error).__name__}") from error
    except urllib3.exceptions.HTTPError as error:
        raise TransientUpstreamError(f"{doing}: {type(error).__name__}") from error
