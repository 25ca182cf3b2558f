"""The checks of a commit by name, whether they are check runs or commit statuses.

https://docs.github.com/en/rest/checks/runs and https://docs.github.com/en/rest/commits/statuses
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Final, Literal

from pydantic import BaseModel, TypeAdapter

from dagbranch.adapters.github_api import PER_PAGE, GitHubApi
from dagbranch.errors import UpstreamError

type Outcome = Literal["passed", "failed", "pending"]

_PASSED: Final = frozenset({"success", "neutral", "skipped"})
_WORST_FIRST: Final[tuple[Outcome, ...]] = ("failed", "pending", "passed")
_MOST_PAGES: Final = 30


class _App(BaseModel):
    id: int


class _CheckRun(BaseModel):
    id: int
    name: str
    status: str
    conclusion: str | None = None
    app: _App | None = None


class _CheckRuns(BaseModel):
    total_count: int
    check_runs: list[_CheckRun]


class _Status(BaseModel):
    id: int
    context: str
    state: str


class _CombinedStatus(BaseModel):
    total_count: int
    statuses: list[_Status]


_CHECK_RUNS: Final = TypeAdapter(_CheckRuns)
_COMBINED_STATUS: Final = TypeAdapter(_CombinedStatus)


def outcomes_of(api: GitHubApi, commit: str) -> Mapping[str, Outcome]:
    """``commit``: its path. Of each name the newest of each App, and the newest status; then the worst of these.

    So nothing that is red turns green because something else has its name.
    """
    found = [*_of_runs(_every_run(api, commit)), *_of_statuses(_every_status(api, commit))]
    return {name: min((one for of, one in found if of == name), key=_WORST_FIRST.index) for name in dict(found)}


def _of_runs(runs: Iterable[_CheckRun]) -> Iterator[tuple[str, Outcome]]:
    newest = {(one.name, one.app.id if one.app else None): one for one in sorted(runs, key=lambda one: one.id)}
    return ((name, _outcome_of_run(one)) for (name, _), one in newest.items())


def _of_statuses(statuses: Iterable[_Status]) -> Iterator[tuple[str, Outcome]]:
    newest = {one.context: one for one in sorted(statuses, key=lambda one: one.id)}
    return ((context, _outcome_of_status(one)) for context, one in newest.items())


def _outcome_of_run(run: _CheckRun) -> Outcome:
    if run.status != "completed":
        return "pending"
    return "passed" if run.conclusion in _PASSED else "failed"


def _outcome_of_status(status: _Status) -> Outcome:
    if status.state == "pending":
        return "pending"
    return "passed" if status.state == "success" else "failed"


def _every_run(api: GitHubApi, commit: str) -> list[_CheckRun]:
    def page(number: int) -> tuple[int, list[_CheckRun]]:
        answer = api.ask(_CHECK_RUNS, f"{commit}/check-runs", per_page=PER_PAGE, page=number)
        return answer.total_count, answer.check_runs

    return _every(page)


def _every_status(api: GitHubApi, commit: str) -> list[_Status]:
    def page(number: int) -> tuple[int, list[_Status]]:
        answer = api.ask(_COMBINED_STATUS, f"{commit}/status", per_page=PER_PAGE, page=number)
        return answer.total_count, answer.statuses

    return _every(page)


def _every[T](page: Callable[[int], tuple[int, list[T]]]) -> list[T]:
    """All pages; the newest come first, so that what is added meanwhile hides nothing.

    Raises UpstreamError for more of them than anybody has: what was not read may be red.
    """
    found: list[T] = []
    for number in count(1):
        total, items = page(number)
        found += items
        if not items or len(found) >= total:
            return found
        if number == _MOST_PAGES:
            break
    raise UpstreamError(f"the commit has over {_MOST_PAGES * PER_PAGE} checks: so many are not read")
