"""Many open pull requests of one repository on the local double of GitHub."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from local.github import LocalGitHub, Repository
from local.github.state import PullRecord, now

REPOSITORY: Final = "acme/pipelines"
TOKEN: Final = "made-up-token"
_BRANCH: Final = "features"
DAGS: Final = 5
_DESCRIPTION: Final = b"""\
version: 1
data:
  source_suffix: _test
  schemas:
    db_attribution:
      read: [m_events]
"""
_MODULE: Final = """\
from airflow import DAG

with DAG("qu.pipeline_{number}"):
    pass
"""
FILES: Final = {
    "dagbranch.yaml": _DESCRIPTION,
    **{f"dags/pipeline_{number}.py": _MODULE.format(number=number).encode() for number in range(DAGS)},
}


class Pulls:
    """Each is of a branch of its own; until somebody pushes, all are at one commit."""

    def __init__(self, folder: Path) -> None:
        self.github = LocalGitHub(folder, webhook_secret="made-up", token=TOKEN)
        self.repository: Repository = self.github.create_repository(REPOSITORY, FILES)
        self.head_sha = self.repository.commit(_BRANCH, {"README.md": b"features"}, "The same in all of them")
        self._answers = 0

    def open(self, numbers: Iterable[int]) -> None:
        """Written into the double's state: made one by one, a thousand would be a minute of git's own work."""
        state, hosted = self.github.site.state, self.github.site.state.repositories[self.repository.id]
        base_sha = self.repository.branch_sha("main")
        for number in numbers:
            hosted.pulls[number] = PullRecord(
                id=state.next_id(),
                number=number,
                title=branch_of(number),
                author="dana-developer",
                base_repository_id=self.repository.id,
                base_ref="main",
                base_sha=base_sha,
                head_repository_id=self.repository.id,
                head_owner="acme",
                head_ref=branch_of(number),
                head_sha=self.head_sha,
                created_at=now(),
                updated_at=now(),
            )

    def close(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.repository.pull(number).close(deliver=False)

    def push(self, numbers: Iterable[int]) -> None:
        """One DAG module changed in each."""
        for number in numbers:
            changed = FILES["dags/pipeline_0.py"] + b"# %d\n" % number
            self.repository.commit(
                branch_of(number), {"dags/pipeline_0.py": changed}, "A change", start_from=_BRANCH, deliver=False
            )

    def requests(self) -> int:
        """How many were answered since this was last asked."""
        before = self._answers
        self._answers = self.github.log.read_text().count(" GET /") if self.github.log.exists() else 0
        return self._answers - before


def branch_of(number: int) -> str:
    return f"feature-{number}"
