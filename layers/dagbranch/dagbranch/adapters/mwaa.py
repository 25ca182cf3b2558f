"""Airflow on MWAA through its two doors: ``InvokeRestApi`` lists and tells import errors, the CLI endpoint deletes.

https://docs.aws.amazon.com/mwaa/latest/userguide/access-mwaa-apache-airflow-rest-api.html
https://docs.aws.amazon.com/mwaa/latest/userguide/call-mwaa-apis-cli.html
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import urllib3
from botocore.exceptions import ClientError

from dagbranch.adapters.aws_errors import code_of, translated
from dagbranch.domain.airflow_listing import ImportFailure, ListedDag, check_dag_id
from dagbranch.errors import NotYetError, TransientUpstreamError, UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_mwaa import MWAAClient

_PAGE: Final = 100  # Airflow's own maximum_page_limit
_TIMEOUT: Final = urllib3.Timeout(connect=10, read=60)  # a CLI call starts a Python with Airflow: 4 to 6 s
_RUNNING: Final = "TaskInstances still running"
_UNKNOWN: Final = "DagNotFound"
_DELETED: Final = "Removed "


class MwaaAirflow:
    """One MWAA environment. The client has to be allowed InvokeRestApi and CreateCliToken on it."""

    def __init__(self, client: MWAAClient, name: str, http: urllib3.PoolManager) -> None:
        self._client = client
        self._name = name
        self._http = http

    def dags(self, environment: str) -> Sequence[ListedDag]:
        stale = {"exclude_stale": False} if self._is_airflow_3 else {"only_active": False}
        listed = self._pages("/dags", "dags", {"tags": environment, **stale})
        return [_listed(dag) for dag in listed]

    def import_failures(self) -> Sequence[ImportFailure]:
        listed = self._pages("/importErrors", "import_errors", {})
        return [
            ImportFailure(str(one["filename"]), str(one["stack_trace"]), _time(one.get("timestamp"))) for one in listed
        ]

    def delete_dag(self, dag_id: str) -> None:
        output = self._cli(f"dags delete -y {check_dag_id(dag_id)}")
        if _RUNNING in output:
            raise NotYetError(f"tasks of {dag_id} are still running", retry_seconds=30)
        if _DELETED not in output and _UNKNOWN not in output:
            raise UpstreamError(f"deleting {dag_id}: Airflow said {_last_line(output)!r}")

    @cached_property
    def _is_airflow_3(self) -> bool:
        major = str(self._rest("/version", {}).get("version", "")).partition(".")[0]
        if not major.isdecimal():
            raise UpstreamError("asking Airflow for /version: its answer has none")
        return int(major) >= 3

    def _pages(self, path: str, name: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            answer = self._rest(path, {**query, "limit": _PAGE, "offset": offset})
            page = answer.get(name)
            if not isinstance(page, list):  # never taken for an empty one: "no rows" ends a removal
                raise UpstreamError(f"asking Airflow for {path}: its answer has no {name}")
            yield from page
            offset += len(page)
            if not page or offset >= answer.get("total_entries", math.inf):
                return

    def _rest(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        with translated(f"asking Airflow for {path}"):
            try:
                answer = self._client.invoke_rest_api(Name=self._name, Path=path, Method="GET", QueryParameters=query)
            except ClientError as error:
                _raise_rest_error(error, path)
                raise
        body = answer.get("RestApiResponse")
        if not isinstance(body, dict):
            raise UpstreamError(f"asking Airflow for {path}: its answer is no JSON object")
        return body

    def _cli(self, command: str) -> str:
        """What the ``airflow`` command printed on both of its streams, whether it succeeded or not."""
        with translated("asking for a CLI token"):
            token = self._client.create_cli_token(Name=self._name)
        with _http_translated(f"asking MWAA for 'airflow {command}'"):
            answer = self._http.request(
                "POST",
                f"https://{token['WebServerHostname']}/aws_mwaa/cli",
                body=command,
                headers={"Authorization": f"Bearer {token['CliToken']}", "Content-Type": "text/plain"},
                timeout=_TIMEOUT,
                retries=False,
                redirect=False,
            )
        printed = _printed(answer.data)
        if printed is None or answer.status in {401, 403}:
            kind = TransientUpstreamError if answer.status >= 429 else UpstreamError
            raise kind(f"MWAA's CLI endpoint answered {answer.status} to 'airflow {command}'")
        return printed


def _listed(dag: dict[str, Any]) -> ListedDag:
    is_active = not dag["is_stale"] if "is_stale" in dag else bool(dag.get("is_active"))
    tags = frozenset(str(tag["name"]) for tag in dag.get("tags") or ())
    return ListedDag(str(dag["dag_id"]), str(dag["fileloc"]), tags, is_active, _time(dag.get("last_parsed_time")))


def _time(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _printed(body: bytes) -> str | None:
    """Both streams of an answer of the CLI endpoint; None where the body is none."""
    try:
        answer = json.loads(body)
        return "\n".join(base64.b64decode(answer[stream]).decode("utf-8", "replace") for stream in ("stdout", "stderr"))
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1][:200] if lines else ""


def _raise_rest_error(error: ClientError, path: str) -> None:
    """Airflow's own refusal comes inside AWS's: its status decides whether it passes."""
    if code_of(error) in {"RestApiClientException", "RestApiServerException"}:
        status = int(error.response.get("RestApiStatusCode", 500))  # type: ignore[call-overload] # modelled, not typed
        kind = TransientUpstreamError if status >= 500 or status == 429 else UpstreamError
        raise kind(f"asking Airflow for {path}: it answered {status}") from error


@contextmanager
def _http_translated(doing: str) -> Iterator[None]:
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        raise TransientUpstreamError(f"{doing}: {type(error).__name__}") from error
