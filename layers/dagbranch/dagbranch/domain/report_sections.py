"""The parts of the comment beside its DAGs: what is to be mended, data, changes, notes, times, answers, commands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from dagbranch.domain.environments import Environment, Half
from dagbranch.domain.github_pages import GitHubPages
from dagbranch.domain.overview import SchemaOverview
from dagbranch.domain.problems import problems_in
from dagbranch.domain.report_markdown import bounded, code, folded, link, one_line, prose, table
from dagbranch.domain.report_words import between, counted, is_of_this_request, notes
from dagbranch.domain.reports import Answer

_MOST_BYTES: Final = 7_000  # of one section
_MOST_LISTED: Final = 30
_MOST_OF_AN_ANSWER: Final = 500
_COMMANDS: Final = {
    "deploy": "deploy the newest commit, also where it was removed or has expired",
    "redeploy": "deploy the newest commit again",
    "reset-data": "make the tables anew, and fill them again",
    "schedules on": "let the DAGs run by their schedules (`off` ends it)",
    "keep": "never let it expire",
    "remove": "remove it now, until the next commit",
    "status": "look again, and say here how it stands",
}


def problem_lines(record: Environment, pages: GitHubPages) -> list[str]:
    """Each line of the record's message, with a link to the place that it names."""
    lines = [_problem(line, record, pages) for line in record.message.splitlines() if line.strip()]
    return bounded(lines, _MOST_BYTES, _more)


def data_lines(record: Environment) -> list[str]:
    if not record.overview.schemas or not is_of_this_request(record, record.data):
        return []
    lines = [line for schema in record.overview.schemas for line in _schema(schema, frozenset(record.seeding))]
    return ["#### Data", "", *bounded(lines, _MOST_BYTES, _more)]


def change_lines(record: Environment, told: Collection[str] = ()) -> list[str]:
    """``told``: modules whose change the lines of the DAGs tell."""
    changes = record.overview.changes
    if changes is None or not is_of_this_request(record, record.pipeline):
        return []
    kinds = {
        "DAG modules added": [one for one in changes.added if one not in told],
        "DAG modules that changed, or use what changed": [one for one in changes.changed if one not in told],
        "DAG modules removed": changes.removed,
        "New outputs": changes.new_outputs,
    }
    lines = [f"- {what}: {_listed(names)}" for what, names in kinds.items() if names]
    if not lines and told:
        return []
    return ["#### Changed since the base branch", "", *bounded(lines or ["- no DAG module"], _MOST_BYTES, _more)]


def note_lines(record: Environment, pages: GitHubPages) -> list[str]:
    lines = [_problem(note, record, pages) for note in notes(record)]
    return ["#### Warnings and notes", "", *bounded(lines, _MOST_BYTES, _more)] if lines else []


def time_lines(record: Environment) -> list[str]:
    """What each step took since the newest commit was asked for."""
    ready = "not yet" if record.ready_at is None else f"after {between(record.requested_at, record.ready_at)}"
    rows = [
        ("asked for", f"{record.requested_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("pipeline in the bucket", _half(record, record.pipeline)),
        ("data in the warehouse", _half(record, record.data) + _filling(record)),
        ("listed by Airflow", ready),
    ]
    return table(("Step", "When"), rows)


def receipt_lines(record: Environment) -> list[str]:
    """Of what a removal has deleted, what its people ask for."""
    told = {
        "DAGs deleted in Airflow": _names(record, "dag_ids"),
        "Runs ended for it": _names(record, "ended_runs"),
        "Schemas dropped": _names(record, "schemas"),
        "Left alone, not ours": [*_names(record, "left_alone"), *_names(record, "schemas_left_alone")],
    }
    lines = [f"- {what}: {_listed(names)}" for what, names in told.items() if names]
    lines += [f"- Not seen: {prose(what)}" for what in _names(record, "not_seen")[:_MOST_LISTED]]
    return bounded(lines, _MOST_BYTES, _more)


def answer_lines(answers: Sequence[Answer]) -> list[str]:
    lines = [
        f"- {code(f'/dagbranch {one.command}'.rstrip())} by {code(one.author)}, {one.at:%Y-%m-%d %H:%M} UTC: "
        f"{prose(one.text, _MOST_OF_AN_ANSWER)}"
        for one in sorted(answers, key=lambda one: (one.at, one.comment_id))
    ]
    return ["#### Answers", "", *bounded(lines, _MOST_BYTES, _more)] if lines else []


def command_lines() -> list[str]:
    rows = [(f"`/dagbranch {name}`", what) for name, what in _COMMANDS.items()]
    told = "In a comment of its own, by anyone with write access:"
    return folded("Commands", [told, "", *table(("Command", "What it does"), rows)])


def _problem(line: str, record: Environment, pages: GitHubPages) -> str:
    for one in problems_in(one_line(line)):
        place = code(f"{one.path}:{one.line}" if one.line else one.path)
        return (
            f"- {link(place, pages.of_file(record.repository, record.head_sha, one.path, one.line))} {prose(one.text)}"
        )
    return f"- {prose(line)}"


def _schema(schema: SchemaOverview, seeding: frozenset[str]) -> Iterable[str]:
    masked = f", masked: {_listed(schema.masked)}" if schema.masked else ""
    yield f"- {code(schema.name)}: {counted(schema.views, 'view')} of {code(schema.source)}{masked}"
    for table_name in schema.tables[:_MOST_LISTED]:
        yield f"  - table {code(table_name)}, {_filled(table_name, schema, seeding)}"
    if (more := len(schema.tables) - _MOST_LISTED) > 0:
        yield f"  - … and {counted(more, 'more table')}"


def _filled(table_name: str, schema: SchemaOverview, seeding: frozenset[str]) -> str:
    last = table_name.rpartition(".")[2]
    if f"{schema.name}.{last}" in seeding:
        return "still being filled"
    return "filled from the base" if {table_name, last} & set(schema.seeded) else "empty"


def _half(record: Environment, half: Half | None) -> str:
    if half is None:
        return "not yet"
    if half.generation != record.generation:
        return f"not yet; {code(half.head_sha[:7])} stands there"
    if half.at < record.requested_at:
        return "stood there already"
    return f"after {between(record.requested_at, half.at)}"


def _filling(record: Environment) -> str:
    return f", {counted(len(record.seeding), 'table')} still to be filled" if record.seeding else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join([*map(code, names[:_MOST_LISTED]), *([f"and {more:,} more"] if more > 0 else [])])


def _names(record: Environment, key: str) -> list[str]:
    found = record.receipt.get(key)
    return [str(one) for one in found] if isinstance(found, list | tuple) else []


def _more(count: int) -> str:
    return f"- … and {counted(count, 'more line')}"
