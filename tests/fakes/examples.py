"""The pull request, the commits and the times of the tests' story."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.requests import ArchiveUploaded
from dagbranch.domain.source_archive import source_digest, write_canonical_zip

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
REPOSITORY, REPOSITORY_ID, PULL_NUMBER = "acme/pipelines", 4711, 1
FIRST, SECOND, THIRD = ("1" * 40, "2" * 40, "3" * 40)
DAG = b"import airflow\nfrom airflow import DAG\n\nDAG('qu.test_dag')\n"
FILES = {"dags/qu/main/test_dag.py": DAG, "dags/qu/common.py": b"LIMIT = 1\n", "dags/qu/main/rows.sql": b"SELECT 1\n"}
DATA_FILE = b"""\
version: 1
data:
  source_suffix: _test
  schemas:
    db_attribution:
      read: [m_events]
      write:
        m_roi: {seed: 'date BETWEEN "2026-01-01" AND "2026-01-31"'}
"""
FILES_WITH_DATA = {**FILES, "dagbranch.yaml": DATA_FILE}


class Clock:
    """Time that stands until a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def a_pull_request(**different: Any) -> PullRequest:
    usual = PullRequest(
        repository_id=REPOSITORY_ID,
        repository=REPOSITORY,
        number=PULL_NUMBER,
        is_open=True,
        is_draft=False,
        head_sha=FIRST,
        head_ref="feature1",
        head_repository_id=REPOSITORY_ID,
        base_ref="main",
        default_branch="main",
    )
    return replace(usual, **different)


def an_environment(**different: Any) -> Environment:
    usual = Environment(
        repository_id=REPOSITORY_ID,
        repository=REPOSITORY,
        pull_number=PULL_NUMBER,
        lane="preview",
        status=Status.REQUESTED,
        head_sha=FIRST,
        branch="feature1",
        updated_at=NOW,
        requested_at=NOW,
        name="feature1",
        generation=1,
        guard=DataGuard(),
    )
    return replace(usual, **different)


def an_archive(files: dict[str, bytes], head_sha: str = FIRST) -> tuple[SourceArchiveKey, bytes]:
    archive = write_canonical_zip(files)
    return SourceArchiveKey(REPOSITORY, PULL_NUMBER, head_sha, source_digest(archive)), archive


def an_upload(key: SourceArchiveKey, at: datetime = NOW) -> ArchiveUploaded:
    return ArchiveUploaded(str(key), at)


def nothing() -> None:
    """What happens meanwhile, where a test does not say otherwise."""


type Meanwhile = Callable[[], None]
