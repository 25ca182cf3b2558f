"""How long each step to an environment took, from the last webhook of its pull request on."""

from __future__ import annotations

from datetime import datetime

from local.demo import observation
from local.demo.pull_request_page import page_of
from local.github import Pull, Repository
from local.stack import LocalStack

_EVENTS = {"packaged": "zip in the bucket", "provisioned": "views made", "ready": "verified"}


def seconds_of_steps(stack: LocalStack, repository: Repository, pull: Pull, listed_at: datetime) -> dict[str, float]:
    """``listed_at``: when Airflow was seen to list its DAGs."""
    sent = [one.sent_at for one in stack.github.deliveries if one.payload.get("number") == pull.number and one.sent_at]
    times = {
        **_on_the_pull_request(stack, pull),
        **_archived(stack, repository, pull),
        **_registered(stack, repository, pull, max(sent)),
        "active in Airflow": listed_at,
    }
    since = {step: (at - max(sent)).total_seconds() for step, at in times.items()}
    return {step: seconds for step, seconds in since.items() if seconds > 0}


def _on_the_pull_request(stack: LocalStack, pull: Pull) -> dict[str, datetime]:
    page = page_of(stack, pull)
    written = [("first comment", one.created_at) for one in page.comments]
    return dict(written) | ({"told that it is ready": page.told_at} if page.told_at else {})


def _archived(stack: LocalStack, repository: Repository, pull: Pull) -> dict[str, datetime]:
    archives = observation.source_archives(stack, repository.full_name, pull.number)
    put = [at for key, at in archives.items() if pull.head_sha in key]
    return {"source archive": max(put)} if put else {}


def _registered(stack: LocalStack, repository: Repository, pull: Pull, since: datetime) -> dict[str, datetime]:
    steps = {}
    for at, event in observation.history(stack, repository.id, pull.number):
        for word, step in _EVENTS.items():
            if event.startswith(word) and at > since:
                steps[step] = at
    return steps
