"""Airflow through MWAA's ``InvokeRestApi``: paths of Airflow's own REST API, called as one of Airflow's roles.

It needs ``airflow:InvokeRestApi`` on ``role/<environment>/<role>``. A path may have 64 characters (botocore's model of
``mwaa``): what is longer is for the other door.

https://docs.aws.amazon.com/mwaa/latest/userguide/access-mwaa-apache-airflow-rest-api.html
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

from botocore.exceptions import ClientError

from dagbranch.adapters.airflow_answers import finished_run, import_failure, last_ends, listed_dag, rows_of
from dagbranch.adapters.aws_errors import code_of, translated
from dagbranch.domain.airflow_listing import ImportFailure, ListedDag, check_dag_id, is_dag_id
from dagbranch.errors import StillRunningError, TransientUpstreamError, UpstreamError
from dagbranch.ports import Runs

if TYPE_CHECKING:
    from mypy_boto3_mwaa import MWAAClient

_PAGE: Final = 100  # Airflow's own maximum_page_limit
_PATH_CHARACTERS: Final = 64
_LEGAL_IN_A_PATH: Final = ":+@!$&'()*,;="  # RFC 3986: quoting them would only make the path longer
_ALL_RUNS: Final = "/dags/~/dagRuns/list"
_UNFINISHED: Final = ("running", "queued")
_RUNNING_ONLY: Final = {"only_running": True, "only_failed": False, "reset_dag_runs": False}

type _Method = Literal["GET", "POST", "PATCH", "DELETE"]


class OutOfReachError(UpstreamError):
    """The REST API does not lead there: the CLI may."""


class _RefusedError(UpstreamError):
    """Airflow's own refusal, by its status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class RestDoor:
    """It lists what Airflow has let go of, and ends runs where their paths are short enough."""

    def __init__(self, client: MWAAClient, name: str) -> None:
        self._client = client
        self._name = name

    @property
    def lists_let_go(self) -> bool:
        self._check_is_there()
        return True

    def dags(self, environment: str | None = None) -> Sequence[ListedDag]:
        tagged = {} if environment is None else {"tags": environment}
        listed = self._pages("/dags", "dags", {**tagged, **self._stale_too})
        return rows_of(listed, listed_dag, "/dags")

    def import_failures(self) -> Sequence[ImportFailure]:
        return rows_of(self._pages("/importErrors", "import_errors", {}), import_failure, "/importErrors")

    def succeeded(
        self, dag_ids: Collection[str], since: datetime, until: datetime | None = None
    ) -> Mapping[str, datetime]:
        asked = sorted(filter(is_dag_id, dag_ids))
        if not asked:  # no ids are all ids
            return {}
        times = {"start_date_gte": since, **({"start_date_lte": until} if until else {})}
        body = {"dag_ids": asked, "states": ["success"], **{name: time.isoformat() for name, time in times.items()}}
        runs = self._batches(_ALL_RUNS, "dag_runs", {**body, "order_by": "id"})
        return last_ends(rows_of(runs, finished_run, "successful runs"), since, until)

    def pause(self, dag_id: str) -> None:
        """Raises OutOfReachError where the id is too long, and a part of another DAG's."""
        path = _path("dags", check_dag_id(dag_id))
        try:
            if _fits(path):
                self._of_airflow("PATCH", path, body={"is_paused": True})
            elif self._is_alone_with(dag_id):
                self._of_airflow("PATCH", "/dags", self._alike(dag_id), {"is_paused": True})
        except _RefusedError as error:
            if error.status != 404:
                raise

    def end_runs(self, dag_ids: Collection[str]) -> Runs:
        """A run is marked as failed; in Airflow 3, where that path is too long, its running tasks are cleared.

        They stay so while their DAG is paused. What neither path reaches goes on.
        """
        ended: list[str] = []
        still: list[str] = []
        for dag_id, run_ids in self._runs(sorted(map(check_dag_id, dag_ids))).items():
            for run_id in run_ids:
                is_ended = self._fail(dag_id, run_id) or self._clear(dag_id, run_id)
                (ended if is_ended else still).append(f"{dag_id}/{run_id}")
        return Runs(tuple(ended), tuple(still))

    def delete_dag(self, dag_id: str) -> None:
        path = _path("dags", check_dag_id(dag_id))
        try:
            self._of_airflow("DELETE", path)
        except _RefusedError as error:
            if error.status == 409:
                raise StillRunningError(dag_id) from error
            if error.status != 404:
                raise

    def _check_is_there(self) -> None:
        """Raises OutOfReachError where nobody is behind the door."""
        _ = self._is_airflow_3

    @cached_property
    def _is_airflow_3(self) -> bool:
        try:
            major = str(self._call("GET", "/version").get("version", "")).partition(".")[0]
        except _RefusedError as error:
            if error.status == 404:
                raise OutOfReachError(f"the MWAA environment {self._name} has no REST API") from error
            raise
        if not major.isdecimal():
            raise TransientUpstreamError("asking Airflow for /version: its answer has none")
        return int(major) >= 3

    @property
    def _stale_too(self) -> dict[str, bool]:
        return {"exclude_stale": False} if self._is_airflow_3 else {"only_active": False}

    def _alike(self, dag_id: str) -> dict[str, Any]:
        """Airflow looks for the pattern anywhere in an id, and takes each ``_`` for any character."""
        return {"dag_id_pattern": dag_id, **self._stale_too}

    def _is_alone_with(self, dag_id: str) -> bool:
        """False where it is gone."""
        found = [dag.dag_id for dag in rows_of(self._pages("/dags", "dags", self._alike(dag_id)), listed_dag, "/dags")]
        if dag_id in found and len(found) > 1:
            raise _too_long(f"{dag_id}, which {len(found) - 1} other DAG ids contain,")
        return dag_id in found

    def _runs(self, dag_ids: Sequence[str]) -> dict[str, list[str]]:
        """Unfinished runs by DAG; all are listed before the first is ended, which would shift the pages."""
        found: dict[str, list[str]] = {}
        if dag_ids:
            asked = {"dag_ids": list(dag_ids), "states": list(_UNFINISHED), "order_by": "id"}
            runs = self._batches(_ALL_RUNS, "dag_runs", asked)
            for dag_id, run_id in rows_of(runs, lambda run: (run["dag_id"], run["dag_run_id"]), "their runs"):
                found.setdefault(str(dag_id), []).append(str(run_id))
        return found

    def _fail(self, dag_id: str, run_id: str) -> bool:
        return self._is_done("PATCH", _path("dags", dag_id, "dagRuns", run_id), {"state": "failed"})

    def _clear(self, dag_id: str, run_id: str) -> bool:
        """Not where that would clear a task of another DAG too, as an ExternalTaskMarker asks for.

        Airflow 2.11 says that it clears and lets the task run. Its updateTaskInstancesState ends one, but clears the
        failed ones downstream, of other DAGs too, and its dry run does not tell which.
        """
        path = _path("dags", dag_id, "clearTaskInstances")
        asked = {**_RUNNING_ONLY, "dag_run_id": run_id}
        if not _fits(path) or not self._is_airflow_3:
            return False
        would_clear, _ = _page(self._of_airflow("POST", path, body={**asked, "dry_run": True}), "task_instances", path)
        if set(rows_of(would_clear, lambda task: task["dag_id"], path)) != {dag_id}:
            return False
        return self._is_done("POST", path, {**asked, "dry_run": False})

    def _is_done(self, method: _Method, path: str, body: Mapping[str, Any]) -> bool:
        """False where the path is too long; a run that is gone has ended."""
        if not _fits(path):
            return False
        try:
            self._of_airflow(method, path, body=body)
        except _RefusedError as error:
            if error.status != 404:
                raise
        return True

    def _pages(self, path: str, name: str, query: Mapping[str, Any]) -> Iterator[Any]:
        offset = 0
        while True:
            answer = self._call("GET", path, {**query, "limit": _PAGE, "offset": offset})
            page, total = _page(answer, name, path)
            yield from page
            offset += len(page)
            if not page or offset >= total:
                return

    def _batches(self, path: str, name: str, asked: Mapping[str, Any]) -> Iterator[Any]:
        """Like ``_pages``, for lists that are asked for by POST."""
        self._check_is_there()
        offset = 0
        while True:
            body = {**asked, "page_limit": _PAGE, "page_offset": offset}
            page, total = _page(self._call("POST", path, body=body), name, path)
            yield from page
            offset += len(page)
            if not page or offset >= total:
                return

    def _of_airflow(
        self, method: _Method, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A 404 is only Airflow's own where its REST API has answered before."""
        if not _fits(path):
            raise _too_long(path.removeprefix("/dags/"))
        self._check_is_there()
        return self._call(method, path, query, body)

    def _call(
        self, method: _Method, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        sent = {"QueryParameters": query, "Body": body}
        with translated(f"asking Airflow for {path}"):
            try:
                answer = self._client.invoke_rest_api(
                    Name=self._name, Path=path, Method=method, **{name: dict(one) for name, one in sent.items() if one}
                )
            except ClientError as error:
                _raise_refusal(error, path, self._name)
                raise
        content = {} if answer.get("RestApiStatusCode") == 204 else answer.get("RestApiResponse")
        if not isinstance(content, dict):
            raise TransientUpstreamError(f"asking Airflow for {path}: its answer is no JSON object")
        return content


def _path(*parts: str) -> str:
    return "".join(f"/{quote(part, safe=_LEGAL_IN_A_PATH)}" for part in parts)


def _fits(path: str) -> bool:
    return len(path) <= _PATH_CHARACTERS


def _too_long(what: str) -> OutOfReachError:
    return OutOfReachError(
        f"the REST API cannot be asked about {what}: MWAA's InvokeRestApi takes paths of {_PATH_CHARACTERS} "
        "characters; set the parameter AirflowDoor to auto or cli, or shorten the DAG id"
    )


def _page(answer: Mapping[str, Any], name: str, path: str) -> tuple[list[Any], float]:
    page, total = answer.get(name), answer.get("total_entries", math.inf)
    if not isinstance(page, list):  # never taken for an empty one: "no rows" ends a removal
        raise TransientUpstreamError(f"asking Airflow for {path}: its answer has no {name}")
    return page, total if isinstance(total, int) else math.inf


def _raise_refusal(error: ClientError, path: str, name: str) -> None:
    """Airflow's own refusal comes inside AWS's: its status decides whether it passes."""
    code, asking = code_of(error), f"asking Airflow for {path}"
    if code == "ValidationException":
        raise OutOfReachError(f"{asking}: the MWAA environment {name} has no REST API, {error}") from error
    if code == "AccessDeniedException":
        raise UpstreamError(
            f"{asking}: AWS answered {code}: the function's policy has to allow airflow:InvokeRestApi on the Airflow "
            f"role that the parameter MwaaRole names: {error}"
        ) from error
    if code not in {"RestApiClientException", "RestApiServerException"}:
        return
    status = int(error.response.get("RestApiStatusCode", 500))  # type: ignore[call-overload] # modelled, not typed
    if status >= 500 or status == 429:
        raise TransientUpstreamError(f"{asking}: it answered {status}") from error
    why = ": the Airflow role that the parameter MwaaRole names does not allow it" if status in {401, 403} else ""
    raise _RefusedError(f"{asking}: it answered {status}{why}", status) from error
