"""A commit's check as a check run, which only GitHub Apps may make, or as a commit status.

https://docs.github.com/en/rest/checks/runs and https://docs.github.com/en/rest/commits/statuses
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import batched
from typing import Final, Literal

from github import UnknownObjectException
from pydantic import BaseModel, TypeAdapter

from dagbranch.adapters.github_api import PER_PAGE, GitHubApi
from dagbranch.domain.problems import Problem
from dagbranch.domain.reports import Check, CheckState

ANNOTATIONS_PER_REQUEST: Final = 50
LONGEST_DESCRIPTION: Final = 140  # of a commit status, and of a deployment's
_LONGEST_TITLE: Final = 255
_LONGEST_SUMMARY: Final = 65_535
_LONGEST_MESSAGE: Final = 16_000  # GitHub takes 64 KB, counted in bytes
_CONCLUSIONS: Final = frozenset({"success", "failure", "neutral"})
# Branch protection takes a neutral check for a passed one, and a commit status has no such state.
_STATUS_STATES: Final[dict[CheckState, Literal["pending", "success", "failure"]]] = {
    "queued": "pending",
    "in_progress": "pending",
    "success": "success",
    "failure": "failure",
    "neutral": "success",
}


class _App(BaseModel):
    id: int


class _Output(BaseModel):
    title: str | None = None
    summary: str | None = None
    annotations_count: int = 0


class _CheckRun(BaseModel):
    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None = None
    details_url: str | None = None
    output: _Output
    app: _App | None = None


class _CheckRuns(BaseModel):
    check_runs: list[_CheckRun]


class _Identified(BaseModel):
    id: int


_CHECK_RUN: Final = TypeAdapter(_CheckRun)
_CHECK_RUNS: Final = TypeAdapter(_CheckRuns)
_IDENTIFIED: Final = TypeAdapter(_Identified)


def put_check_run(api: GitHubApi, repository: str, check: Check, check_id: int | None, app_id: int | None) -> int:
    """GitHub shows the newest run of a name; the one that stands is written on only while it can be.

    A completed run keeps its status for good, and annotations are only ever added to.
    """
    standing = None if app_id is None else _standing(api, repository, check, check_id, app_id)
    if standing is not None and _says(standing, check):
        return standing.id
    run = standing.id if standing is not None and _is_open(standing) else None
    *more, last = list(batched(check.annotations, ANNOTATIONS_PER_REQUEST)) or [()]
    for batch in more:
        run = _written(api, repository, run, check, _output(check, batch) | {"status": "in_progress"})
    return _written(api, repository, run, check, _output(check, last) | _state(check))


def put_commit_status(api: GitHubApi, repository: str, check: Check) -> None:
    api.tell(
        _IDENTIFIED,
        "POST",
        f"/repos/{repository}/statuses/{check.head_sha}",
        state=_STATUS_STATES[check.state],
        context=check.name,
        description=shortened(check.title, LONGEST_DESCRIPTION),
        target_url=check.url or "",
    )


def shortened(text: str, most_characters: int) -> str:
    return text if len(text) <= most_characters else f"{text[: most_characters - 1]}…"


def _standing(api: GitHubApi, repository: str, check: Check, check_id: int | None, app_id: int) -> _CheckRun | None:
    """Ours of this commit and name: the one that is known, if it is still there, or the newest that is found."""
    found: list[_CheckRun] = []
    if check_id is not None:
        with suppress(UnknownObjectException):
            found = [api.ask(_CHECK_RUN, f"/repos/{repository}/check-runs/{check_id}")]
    if not found:
        place = f"/repos/{repository}/commits/{check.head_sha}/check-runs"
        found = api.ask(_CHECK_RUNS, place, check_name=check.name, app_id=app_id, per_page=PER_PAGE).check_runs
    ours = (run for run in found if run.app is not None and run.app.id == app_id)
    same = (run for run in ours if (run.name, run.head_sha) == (check.name, check.head_sha))
    return max(same, key=lambda run: run.id, default=None)


def _says(run: _CheckRun, check: Check) -> bool:
    state = run.conclusion if run.status == "completed" else run.status
    shown = run.output.title, run.output.summary, run.output.annotations_count
    is_url = check.url is None or run.details_url == check.url  # without one, GitHub puts the App's
    return state == check.state and is_url and shown == (_title(check), _summary(check), len(check.annotations))


def _is_open(run: _CheckRun) -> bool:
    return run.status != "completed" and run.output.annotations_count == 0


def _written(api: GitHubApi, repository: str, run: int | None, check: Check, body: dict[str, object]) -> int:
    runs = f"/repos/{repository}/check-runs"
    told = body if check.url is None else body | {"details_url": check.url}
    if run is None:
        return api.tell(_IDENTIFIED, "POST", runs, name=check.name, head_sha=check.head_sha, **told).id
    return api.tell(_IDENTIFIED, "PATCH", f"{runs}/{run}", **told).id


def _state(check: Check) -> dict[str, object]:
    if check.state in _CONCLUSIONS:
        return {"status": "completed", "conclusion": check.state}
    return {"status": check.state}


def _output(check: Check, annotations: Iterable[Problem]) -> dict[str, object]:
    shown = [_annotation(problem) for problem in annotations]
    return {"output": {"title": _title(check), "summary": _summary(check), "annotations": shown}}


def _title(check: Check) -> str:
    return shortened(check.title, _LONGEST_TITLE)


def _summary(check: Check) -> str:
    """GitHub takes no empty one."""
    return shortened(check.summary or check.title, _LONGEST_SUMMARY)


def _annotation(problem: Problem) -> dict[str, object]:
    line = problem.line or 1
    message = shortened(problem.text, _LONGEST_MESSAGE)
    return {
        "path": problem.path,
        "start_line": line,
        "end_line": line,
        "annotation_level": "failure",
        "message": message,
    }
