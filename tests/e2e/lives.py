"""A repository whose pull requests meet, each, another turn of a life: events twice and late, reopening, expiry."""

from __future__ import annotations

from dataclasses import dataclass

from local.github import Pull, Repository

REPOSITORY = "zalando/lives"
SAME_NAME = ("One/Name", "one-name")
BRANCHES = ("twice", "late-close", "reopened", "forced", "again", "kept", "expired", *SAME_NAME)
_DAG = """\
from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("qu.alive", schedule=None):
    EmptyOperator(task_id="nothing")
# {about}
"""


@dataclass(frozen=True)
class Lives:
    repository: Repository
    pulls: dict[str, Pull]


def dag(about: str) -> dict[str, bytes]:
    """The one module of the repository, another at each commit."""
    return {"dags/qu/alive.py": _DAG.format(about=about).encode()}


def open_lives(repository: Repository) -> Lives:
    """Opens the pull requests, and does not wait for their environments."""
    repository.commit("main", dag("main"), "Begin with one DAG")
    return Lives(repository, {branch: open_one(repository, branch, branch) for branch in BRANCHES})


def open_one(repository: Repository, branch: str, about: str) -> Pull:
    repository.commit(branch, dag(about), f"What {branch} is about", start_from="main")
    return repository.open_pull(branch, f"What {branch} is about")
