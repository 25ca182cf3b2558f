"""The one comment on a pull request, made of its record alone: what is mine, is it ready, what went wrong, what now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.github_pages import GitHubPages
from dagbranch.domain.report_dags import dag_lines, modules_told
from dagbranch.domain.report_markdown import code, folded, link, prose, size_of
from dagbranch.domain.report_sections import (
    answer_lines,
    change_lines,
    command_lines,
    data_lines,
    note_lines,
    problem_lines,
    receipt_lines,
    time_lines,
)
from dagbranch.domain.report_words import approval, between, headline, is_awaiting_approval, reason
from dagbranch.domain.reports import Answer

MOST_BYTES: Final = 65_000  # GitHub takes 65,536 characters
_ICONS: Final = {
    Status.REFUSED: "⚪",
    Status.WAITING: "⏳",
    Status.REQUESTED: "⏳",
    Status.DEPLOYING: "⏳",
    Status.READY: "✅",
    Status.FAILED: "❌",
    Status.REMOVING: "🧹",
    Status.REMOVED: "⚪",
}
_STANDING: Final = frozenset({Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED})


def marker(lane: str) -> str:
    """What our comment begins with, and no other's: a person cannot see it."""
    return f"<!-- dagbranch:{lane} -->"


def comment_of(record: Environment, answers: Sequence[Answer], pages: GitHubPages) -> str:
    """Always below GitHub's limit: what has no room is counted."""
    before = [f"### {_ICONS[record.status]} {_capitalised(prose(headline(record)), record)}", "", *_lead(record, pages)]
    after = [*_details(record, pages), *_separated(answer_lines(answers)), *command_lines()]
    frame = "\n".join([marker(record.lane), *before, "", *after])
    dags = _separated(dag_lines(record, pages, MOST_BYTES - size_of(frame))) if _shows_dags(record) else []
    return "\n".join([marker(record.lane), *before, "", *dags, *after])


def comment_without_record(lane: str, answers: Sequence[Answer]) -> str:
    """Where somebody has asked about a pull request that has never been looked at."""
    told = ["### ⚪ Nothing is known of this pull request yet", "", *_separated(answer_lines(answers))]
    return "\n".join([marker(lane), *told, *command_lines()])


def _shows_dags(record: Environment) -> bool:
    """Those of this commit: while another is on its way, Airflow may list either."""
    return record.status == Status.READY or (record.status == Status.FAILED and record.failed_in_airflow)


def _lead(record: Environment, pages: GitHubPages) -> list[str]:
    if is_awaiting_approval(record):
        return [*_approval(record, pages), "", *receipt_lines(record)]
    match record.status:
        case Status.READY:
            return [_ready(record, pages)]
        case Status.FAILED:
            return [f"At commit {_commit(record, pages)}:", "", *problem_lines(record, pages), "", _next_try(record)]
        case Status.REQUESTED | Status.DEPLOYING:
            return [f"Commit {_commit(record, pages)} is on its way; {prose(reason(record))}.", "", *time_lines(record)]
        case Status.REMOVED:
            return [_sentence(prose(reason(record))) + _way_back(record), "", *receipt_lines(record)]
    return [_sentence(prose(reason(record))) + _in_its_turn(record)]


def _approval(record: Environment, pages: GitHubPages) -> list[str]:
    told = (
        "It comes from a fork: nothing of it is deployed until someone with write access has read commit "
        f"{_commit(record, pages)} and writes, in a comment:"
    )
    return [told, "", "```", approval(record), "```"]


def _ready(record: Environment, pages: GitHubPages) -> str:
    url = record.pages.of_environment(record.name) if record.pages and record.name and record.dag_ids else None
    way_in = f"{link('Open in Airflow', url)} · commit" if url else "Commit"
    took = f", ready {between(record.requested_at, record.ready_at)} after it was asked for" if record.ready_at else ""
    return f"{way_in} {_commit(record, pages)}{took}.{_kept(record)}"


def _next_try(record: Environment) -> str:
    again = "`/dagbranch redeploy` tries this commit once more."
    is_of_a_fork = record.approved is not None
    return again if is_of_a_fork else f"The next push is deployed by itself; {again}"


def _kept(record: Environment) -> str:
    kept = " It is kept: it does not expire." if record.is_kept else ""
    return kept + ("" if record.schedules is None else f" Schedules are {'on' if record.schedules else 'off'}.")


def _in_its_turn(record: Environment) -> str:
    return " It is deployed by itself when its turn has come." if record.status == Status.WAITING else ""


def _way_back(record: Environment) -> str:
    return " A new commit, or `/dagbranch deploy`, brings it back." if record.dismissed else ""


def _commit(record: Environment, pages: GitHubPages) -> str:
    return link(code(record.head_sha[:7]), pages.of_commit(record.repository, record.head_sha))


def _details(record: Environment, pages: GitHubPages) -> list[str]:
    if record.status not in _STANDING:
        return []
    times = folded("Times", time_lines(record)) if record.status in {Status.READY, Status.FAILED} else []
    told = modules_told(record) if _shows_dags(record) else frozenset()
    parts = [data_lines(record), change_lines(record, told), note_lines(record, pages), times]
    return [line for part in parts for line in _separated(part)]


def _separated(lines: list[str]) -> list[str]:
    return [*lines, ""] if lines else []


def _sentence(markdown: str) -> str:
    return f"{markdown[:1].upper()}{markdown[1:]}{'' if markdown.endswith('.') else '.'}"


def _capitalised(title: str, record: Environment) -> str:
    """But for an environment's name, which is written as it is."""
    return title if record.name else f"{title[:1].upper()}{title[1:]}"
