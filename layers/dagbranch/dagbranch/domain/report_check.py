"""The check of an environment's head commit, made of its record alone; and that of a merge queue's group."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.github_pages import GitHubPages, is_path_in_repository
from dagbranch.domain.naming import CANARY
from dagbranch.domain.problems import Problem, problems_in
from dagbranch.domain.report_dags import dag_lines
from dagbranch.domain.report_markdown import bounded, code, one_line, prose
from dagbranch.domain.report_release import release_lines
from dagbranch.domain.report_sections import data_lines, note_lines, problem_lines, time_lines
from dagbranch.domain.report_words import approval, counted, headline, is_awaiting_approval, reason
from dagbranch.domain.reports import Check, CheckState, PostedCheck

MOST_TITLE: Final = 140  # of a commit status' description
MOST_SUMMARY_BYTES: Final = 60_000  # GitHub takes 65,535 characters
_MOST_BYTES_OF_DAGS: Final = 20_000
_MOST_ANNOTATIONS: Final = 50  # in one request
_MOST_ANNOTATION: Final = 2_000
_PENDING: Final = frozenset({"queued", "in_progress"})
_STATES: Final[dict[Status, CheckState]] = {
    Status.REFUSED: "neutral",
    Status.WAITING: "queued",
    Status.REQUESTED: "in_progress",
    Status.DEPLOYING: "in_progress",
    Status.READY: "success",
    Status.FAILED: "failure",
    Status.REMOVING: "neutral",
    Status.REMOVED: "neutral",
}


def check_name(lane: str, pull_number: int | None = None) -> str:
    """One stable name, so that it can be required; a canary may be of the same commit as what it stands beside."""
    return f"dagbranch/{lane} canary" if pull_number == CANARY else f"dagbranch/{lane}"


def check_of(record: Environment, pages: GitHubPages) -> Check:
    """Green only where Airflow lists all of this commit and its data stands."""
    state = _STATES[record.status]
    return Check(
        name=check_name(record.lane, record.pull_number),
        head_sha=record.head_sha,
        state=state,
        title=_title(record),
        summary="\n".join(bounded(_summary(record, pages), MOST_SUMMARY_BYTES, lambda n: f"… and {n:,} more lines")),
        url=record.pages.of_environment(record.name) if record.pages and record.name and record.is_live else None,
        annotations=_annotations(record) if state == "failure" else (),
    )


def checks_to_put(record: Environment, standing: tuple[PostedCheck, ...], pages: GitHubPages) -> list[Check]:
    """The head commit's, and an end for those of older commits that nobody will ever end.

    What a commit had proven when its pull request was closed, or as a canary, stays as it is.
    """
    wanted = check_of(record, pages)
    stands = standing_at(record.head_sha, standing)
    own = [] if _is_closed(record) and (stands is None or not is_pending(stands)) else [wanted]
    older = [one for one in standing if one.head_sha != record.head_sha and is_pending(one)]
    return [*[_superseded(one, record) for one in older], *own]


def group_check(group_sha: str, record: Environment | None, lane: str, pages: GitHubPages) -> Check:
    """Of a merge queue's commit, at once: what the member of the group has proven by itself."""
    if record is None:
        title = "nothing is known of this pull request: /dagbranch deploy has it looked at"
        return Check(check_name(lane), group_sha, "failure", title)
    own = check_of(record, pages)
    state: CheckState = "failure" if is_open(own.state) else own.state
    return replace(own, head_sha=group_sha, state=state, annotations=())


def standing_at(head_sha: str, standing: tuple[PostedCheck, ...]) -> PostedCheck | None:
    return next((one for one in standing if one.head_sha == head_sha), None)


def id_to_edit(wanted: Check, stands: PostedCheck | None) -> int | None:
    """None where a new run has to be made: one that has ended does not begin again, and one keeps its annotations."""
    if stands is None or stands.state == "failure":
        return None
    return stands.id if is_pending(stands) or not is_open(wanted.state) else None


def is_pending(standing: PostedCheck) -> bool:
    return is_open(standing.state)


def is_open(state: CheckState) -> bool:
    return state in _PENDING


def _is_closed(record: Environment) -> bool:
    """Whether it goes because its pull request was closed, or it was a canary."""
    is_going = record.status in {Status.REMOVING, Status.REMOVED}
    return is_going and (record.is_of_a_release or (record.dismissed is None and not record.unwanted))


def _superseded(older: PostedCheck, record: Environment) -> Check:
    title = f"superseded by {record.head_sha[:7]}"
    name = check_name(record.lane, record.pull_number)
    return Check(name, older.head_sha, "neutral", title, f"Superseded by {code(record.head_sha)}.")


def _title(record: Environment) -> str:
    what = "waiting for approval" if is_awaiting_approval(record) else headline(record)
    why = reason(record)
    return one_line(f"{what} · {why}" if why else what, MOST_TITLE)


def _summary(record: Environment, pages: GitHubPages) -> list[str]:
    return [*release_lines(record), *_of_its_state(record, pages)]


def _of_its_state(record: Environment, pages: GitHubPages) -> list[str]:
    if is_awaiting_approval(record):
        told = "Someone with write access has it deployed by writing in a comment on the pull request:"
        return [told, "", "```", approval(record), "```"]
    match record.status:
        case Status.FAILED:
            return [*problem_lines(record, pages), "", *note_lines(record, pages)]
        case Status.READY:
            lines = [time_lines(record), data_lines(record), note_lines(record, pages), _dag_lines(record, pages)]
            return [line for part in lines for line in (*part, "")][:-1]
    return [prose(reason(record) or headline(record))]


def _dag_lines(record: Environment, pages: GitHubPages) -> list[str]:
    """A pull request's comment has them."""
    return dag_lines(record, pages, _MOST_BYTES_OF_DAGS) if record.is_of_a_release else []


def _annotations(record: Environment) -> tuple[Problem, ...]:
    """At places that the commit can have."""
    found = [one for one in problems_in(record.message) if is_path_in_repository(one.path)]
    shown = [replace(one, text=one_line(one.text, _MOST_ANNOTATION)) for one in dict.fromkeys(found)]
    if len(shown) <= _MOST_ANNOTATIONS:
        return tuple(shown)
    last = shown[_MOST_ANNOTATIONS - 1]
    more = f"{last.text} (and {counted(len(shown) - _MOST_ANNOTATIONS, 'more place')})"
    return (*shown[: _MOST_ANNOTATIONS - 1], replace(last, text=more))
