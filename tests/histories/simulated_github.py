"""Pull requests that people open, push to, rename and close; commits that differ in what they need; and webhooks."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dagbranch.domain.environments import PullRequest
from tests.fakes.github import BASE_REF, InMemoryGitHub

REPOSITORIES: Final = {"acme/pipelines": 4711, "acme/costs": 4712}
FORK_ID: Final = 9999
KEEP_LABEL: Final = "keep-environment"
_DATA: Final = """\
version: 1
data:
  source_suffix: _test
  schemas:
    {schema}:
      read: [m_events]
      write:
        m_roi: {{seed: all}}
"""


def _dag(name: str) -> dict[str, bytes]:
    return {f"dags/{name}.py": f"from airflow import DAG\n\nDAG('qu.{name}')\n".encode()}


@dataclass(frozen=True)
class Kind:
    """What a commit holds. ``dags``: what Airflow shows of it; ``schemas``: what it wants of the warehouse.

    ``is_broken``: its author has to mend it.
    """

    files: Mapping[str, bytes]
    dags: frozenset[str] = frozenset()
    schemas: frozenset[str] = frozenset()
    is_broken: bool = False


def _with_data(schema: str, *names: str) -> Kind:
    files = {"dagbranch.yaml": _DATA.format(schema=schema).encode()}
    for name in names:
        files |= _dag(name)
    return Kind(files, frozenset(names), frozenset({schema}))


KINDS: Final[Mapping[str, Kind]] = {
    "one": Kind(_dag("one"), frozenset({"one"})),
    "two": Kind(_dag("one") | _dag("two"), frozenset({"one", "two"})),
    "attribution": _with_data("db_attribution", "one"),
    "costs": _with_data("db_costs", "one", "three"),
    "untouched": Kind(_dag("one") | {"dagbranch.yaml": b"version: 1\nselect: changed\n"}),
    "no DAG yet": Kind({"dags/soon.py": b"# an airflow dag is to come\n"}, is_broken=True),
    "unreadable": Kind(_dag("one") | {"dagbranch.yaml": b"version: 1\nno_such_key: 1\n"}, is_broken=True),
    "not importable": Kind(
        _dag("one") | {"dags/broken.py": b"from airflow import DAG\nimport no_such_module\n"}, is_broken=True
    ),
}


class SimulatedGitHub(InMemoryGitHub):
    """``send`` takes a webhook's event: name, payload, delivery."""

    def __init__(self, send: Callable[[str, str, str], None]) -> None:
        super().__init__()
        self.kinds: dict[str, Kind] = {}
        self._send = send
        self._numbers = {repository: itertools.count(1) for repository in REPOSITORIES}
        self._pushes = itertools.count(1)

    # what people do

    def make(self, repository: str, branch: str, kind: str, *, is_draft: bool, is_fork: bool) -> PullRequest:
        """A pull request that is opened now, at a commit of its own."""
        pull = PullRequest(
            repository_id=REPOSITORIES[repository],
            repository=repository,
            number=next(self._numbers[repository]),
            is_open=True,
            is_draft=is_draft,
            head_sha=self._commit_of(kind),
            head_ref=branch,
            head_repository_id=FORK_ID if is_fork else REPOSITORIES[repository],
            base_ref=BASE_REF,
            default_branch=BASE_REF,
        )
        return self._change(pull, "opened")

    def push(self, pull: PullRequest, kind: str) -> PullRequest:
        return self.push_to(pull, self._commit_of(kind))

    def push_to(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Also back to an older commit, by force. GitHub tells nothing of a closed one's pushes."""
        return self._change(replace(pull, head_sha=head_sha), "synchronize" if pull.is_open else None)

    def rename(self, pull: PullRequest, branch: str) -> PullRequest:
        return self._change(replace(pull, head_ref=branch), "edited")

    def close(self, pull: PullRequest) -> PullRequest:
        return self._change(replace(pull, is_open=False), "closed")

    def reopen(self, pull: PullRequest) -> PullRequest:
        return self._change(replace(pull, is_open=True), "reopened")

    def set_draft(self, pull: PullRequest, *, is_draft: bool) -> PullRequest:
        return self._change(replace(pull, is_draft=is_draft), "converted_to_draft" if is_draft else "ready_for_review")

    def label(self, pull: PullRequest) -> PullRequest:
        return self._change(replace(pull, labels=frozenset({KEEP_LABEL})), "labeled", label={"name": KEEP_LABEL})

    def unlabel(self, pull: PullRequest) -> PullRequest:
        return self._change(replace(pull, labels=frozenset()), "unlabeled", label={"name": KEEP_LABEL})

    # what tests look at

    @property
    def all_pulls(self) -> Sequence[PullRequest]:
        return list(self.pulls.values())

    def kind_of(self, pull: PullRequest) -> Kind:
        return self.kinds[pull.head_sha]

    def _commit_of(self, kind: str) -> str:
        head_sha = hashlib.sha1(f"{kind} {next(self._pushes)}".encode(), usedforsecurity=False).hexdigest()
        self.kinds[head_sha] = KINDS[kind]
        if kind == "untouched":
            self.merge_bases[head_sha] = head_sha
        return head_sha

    def _change(self, pull: PullRequest, action: str | None, **more: object) -> PullRequest:
        self.open(pull, self.kinds[pull.head_sha].files)
        if action is not None:
            payload = {"action": action, "number": pull.number, **_payload(pull), **more}
            self._send("pull_request", json.dumps(payload), f"delivery-{next(self._pushes)}")
        return pull


def _payload(pull: PullRequest) -> dict[str, Any]:
    return {
        "repository": {"id": pull.repository_id, "full_name": pull.repository},
        "pull_request": {
            "number": pull.number,
            "state": "open" if pull.is_open else "closed",
            "draft": pull.is_draft,
            "head": {"sha": pull.head_sha, "ref": pull.head_ref, "repo": {"id": pull.head_repository_id}},
            "base": {"ref": pull.base_ref, "repo": {"default_branch": pull.default_branch}},
            "labels": [{"name": label} for label in sorted(pull.labels)],
        },
    }
