"""Tells the story while it goes on: each act with what was seen of it, and the times of all at the end."""

from __future__ import annotations

import re
import time

from local.demo import story
from local.demo.checks import check_offered, check_opened, check_pushed, check_ran, check_removed
from local.demo.pull_request_page import Page
from local.demo.story import Opened
from local.github import Repository
from local.stack import LocalStack

_STEPS = (
    "first comment",
    "source archive",
    "zip in the bucket",
    "views made",
    "active in Airflow",
    "verified",
    "told that it is ready",
)

type Times = list[tuple[str, str, float]]  # environment, step, seconds


class Narrator:
    """Progress with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{self.seconds():6.1f} s  {text}", flush=True)

    def title(self, text: str) -> None:
        print(flush=True)
        self(text)

    def seconds(self) -> float:
        return time.monotonic() - self._started


def tell(stack: LocalStack, say: Narrator) -> Times:
    """The whole story; the times of each step. Raises StoryError at the first thing that is not as it should be."""
    repository = story.begin(stack)
    opened = _open(stack, repository, say)
    steps = [(one.name, step, one.seconds[step]) for one in opened.values() for step in _STEPS if step in one.seconds]
    return [
        *steps,
        _run(stack, opened["feature1"], say),
        _push(stack, repository, opened["feature2"], say),
        _offer(stack, repository, say),
        _remove(stack, repository, opened["feature1"], say),
    ]


def table(times: Times, total_seconds: float) -> str:
    lines = [f"{environment:10} {step:22} {seconds:6.1f} s" for environment, step, seconds in times]
    told = "Seconds since the webhook was sent, or since the step began:"
    return "\n".join(["", told, *lines, f"{'in all':33} {total_seconds:6.1f} s"])


def _open(stack: LocalStack, repository: Repository, say: Narrator) -> dict[str, Opened]:
    say.title("Three pull requests")
    opened = story.open_pull_requests(stack, repository, say)
    for one in opened.values():
        check_opened(one)
        _show(one)
    first, *others = [one.page for one in opened.values()]
    _show_page(first)
    print()
    for page in others:
        _show_in_short(page)
    return opened


def _run(stack: LocalStack, opened: Opened, say: Narrator) -> tuple[str, str, float]:
    say.title(f"A run of qu.{opened.name}.test_dag")
    ran = story.run(stack, opened.name)
    check_ran(ran)
    print(f"  state: {ran.state}")
    print(f"  db_attribution_{opened.name}.m_roi, written by the run: {ran.rows}")
    print(f"  db_attribution_{opened.name}.m_roi, seeded: {ran.seeded}")
    print(f"  its job code, {_shortened(next(iter(opened.job_code)))}: {ran.budget}")
    for schema, rows in ran.elsewhere.items():
        print(f"  {schema}.m_roi, of that day: {rows}")
    return opened.name, "run of test_dag", ran.seconds


def _push(stack: LocalStack, repository: Repository, before: Opened, say: Narrator) -> tuple[str, str, float]:
    say.title(f"A new commit on {before.name}")
    pushed = story.push(stack, repository, before)
    check_pushed(before, pushed)
    _show(pushed)
    _show_in_short(pushed.page)
    return before.name, "redeployed", pushed.seconds["verified"]


def _offer(stack: LocalStack, repository: Repository, say: Narrator) -> tuple[str, str, float]:
    say.title("A stranger's pull request, from a fork")
    offered = story.offer(stack, repository)
    check_offered(offered)
    _show_page(offered.page)
    return "the fork", "told what it takes", offered.seconds


def _remove(stack: LocalStack, repository: Repository, opened: Opened, say: Narrator) -> tuple[str, str, float]:
    say.title(f"{opened.name} is closed, its webhook is lost, the sweep runs")
    removed = story.close_unheard(stack, repository, opened)
    check_removed(removed)
    left = f"{len(removed.objects)} objects, {len(removed.dags)} DAGs, {len(removed.schemas)} schemas"
    print(f"  left of {opened.name}: {left}")
    print(f"  its receipt in the registry: {dict(removed.environment.receipt)}")
    print(f"  still there: {', '.join(dag.dag_id for dags in removed.others.values() for dag in dags)}")
    _show_in_short(removed.page)
    return opened.name, "removed", removed.seconds


def _show(opened: Opened) -> None:
    for dag in opened.dags:
        print(f"  {dag.dag_id:28} {', '.join(sorted(dag.tags))}")
    for schema, tables in opened.schemas.items():
        print(f"  {schema}: {', '.join(f'{name} ({kind})' for name, kind in tables.items())}")


def _show_page(page: Page) -> None:
    """All of it, as people see it on the pull request."""
    print(f"\n  ┌ on pull request #{page.number}, by {page.comments[0].author.login}:")
    for line in page.lines:
        print(f"  │ {line}".rstrip())
    print(f"  └ {page.state}{f' → {page.url}' if page.url else ''}")


def _show_in_short(page: Page) -> None:
    print(f"  on pull request #{page.number}: {page.headline} · {page.state}")


def _shortened(key: str) -> str:
    """A key with the beginning of its digest."""
    return re.sub(r"(?<=/[0-9a-f]{8})[0-9a-f]{56}", "…", key)
