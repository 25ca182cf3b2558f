"""Pull requests that people open, push to, rename and close; commits that differ in what they need; and webhooks."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from dagbranch.domain.environments import PullRequest
from tests.fakes.github import BASE_REF, BASE_SHA, Commit, InMemoryGitHub

REPOSITORIES: Final = {"acme/pipelines": 4711, "acme/costs": 4712}
FORK_ID: Final = 9999
KEEP_LABEL: Final = "keep-environment"
EXCEPT_LABEL, ONLY_LABEL = "no-preview", "preview"
LABELS: Final = (KEEP_LABEL, EXCEPT_LABEL, ONLY_LABEL)
BASES: Final = (BASE_REF, "release", "elsewhere")
# What the default branch may say of who gets an environment.
PREVIEWS: Final[Mapping[str, bytes]] = {
    "all": b"",
    "but some": b"previews: {except_label: no-preview, bases: [main, release]}\n",
    "with a label": b"previews: {label: preview, drafts: true}\n",
}
WRITERS, OTHERS = ("alice", "bob"), ("mallory",)
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

    ``is_broken``: its author has to mend it. ``parted``: the files of the commit from which its pull request parted,
    where it matters; ``is_no_pipeline``: nothing that is packaged has changed since.
    """

    files: Mapping[str, bytes]
    dags: frozenset[str] = frozenset()
    schemas: frozenset[str] = frozenset()
    is_broken: bool = False
    parted: Mapping[str, bytes] | None = None
    is_no_pipeline: bool = False


def _with_data(schema: str, *names: str) -> Kind:
    files = {"dagbranch.yaml": _DATA.format(schema=schema).encode()}
    for name in names:
        files |= _dag(name)
    return Kind(files, frozenset(names), frozenset({schema}))


_UNTOUCHED: Final = _dag("one") | {"dagbranch.yaml": b"version: 1\nselect: changed\n"}
KINDS: Final[Mapping[str, Kind]] = {
    "one": Kind(_dag("one"), frozenset({"one"})),
    "two": Kind(_dag("one") | _dag("two"), frozenset({"one", "two"})),
    "attribution": _with_data("db_attribution", "one"),
    "costs": _with_data("db_costs", "one", "three"),
    "untouched": Kind(_UNTOUCHED | {"dags/notes.txt": b"1"}, parted=_UNTOUCHED),
    "no pipeline": Kind(_UNTOUCHED | {"README.md": b"1"}, parted=_UNTOUCHED, is_no_pipeline=True),
    "no DAG yet": Kind({"dags/soon.py": b"# an airflow dag is to come\n"}, is_broken=True),
    "unreadable": Kind(_dag("one") | {"dagbranch.yaml": b"version: 1\nno_such_key: 1\n"}, is_broken=True),
    "not importable": Kind(
        _dag("one") | {"dags/broken.py": b"from airflow import DAG\nimport no_such_module\n"}, is_broken=True
    ),
}


class SimulatedGitHub(InMemoryGitHub):
    """``send`` takes a webhook's event: name, payload, delivery."""

    def __init__(self, send: Callable[[str, str, str], None], now: Callable[[], datetime]) -> None:
        super().__init__()
        self.kinds: dict[str, Kind] = {}
        self.permissions = dict.fromkeys(WRITERS, "write") | dict.fromkeys(OTHERS, "read")
        # The commits of forks that somebody who may has asked to deploy.
        self.approved: set[tuple[int, int, str]] = set()
        self.says("all")
        self._send, self._now = send, now
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

    def toggle_label(self, pull: PullRequest, label: str) -> PullRequest:
        action = "unlabeled" if label in pull.labels else "labeled"
        return self._change(replace(pull, labels=pull.labels ^ {label}), action, label={"name": label})

    def retarget(self, pull: PullRequest, base_ref: str) -> PullRequest:
        changes = {"base": {"ref": {"from": pull.base_ref}}}
        return self._change(replace(pull, base_ref=base_ref), "edited", changes=changes)

    def comment(self, pull: PullRequest, author: str, text: str) -> None:
        if author in WRITERS and text == f"/dagbranch deploy {pull.head_sha}":
            self.approved.add((pull.repository_id, pull.number, pull.head_sha))
        number = next(self._pushes)
        payload = {
            "action": "created",
            "repository": {"id": pull.repository_id, "full_name": pull.repository},
            "issue": {"number": pull.number, "pull_request": {"url": f"pulls/{pull.number}"}},
            "comment": {
                "id": number,
                "user": {"login": author, "type": "User"},
                "body": text,
                "created_at": self._now().isoformat(),
            },
        }
        self._send("issue_comment", json.dumps(payload), f"delivery-{number}")

    def says(self, who: str) -> None:
        """The owner of the repositories pushes another ``dagbranch.yaml`` to their default branches."""
        self.previews = who
        self.commits[BASE_SHA] = Commit({"dagbranch.yaml": b"version: 1\n" + PREVIEWS[who]})

    # what tests look at

    @property
    def all_pulls(self) -> Sequence[PullRequest]:
        return list(self.pulls.values())

    def gets_nothing(self, pull: PullRequest) -> bool:
        """By what its default branch says, but for a draft, which keeps what stands."""
        if pull.is_from_a_fork:
            return (pull.repository_id, pull.number, pull.head_sha) not in self.approved
        if self.kind_of(pull).is_no_pipeline:
            return True
        match self.previews:
            case "but some":
                return EXCEPT_LABEL in pull.labels or pull.base_ref not in {"main", "release"}
            case "with a label":
                return ONLY_LABEL not in pull.labels or pull.base_ref != BASE_REF
        return pull.base_ref != BASE_REF

    def drafts_get_nothing(self) -> bool:
        return self.previews != "with a label"

    def kind_of(self, pull: PullRequest) -> Kind:
        return self.kinds[pull.head_sha]

    def _commit_of(self, kind: str) -> str:
        head_sha = hashlib.sha1(f"{kind} {next(self._pushes)}".encode(), usedforsecurity=False).hexdigest()
        self.kinds[head_sha] = KINDS[kind]
        if (parted := KINDS[kind].parted) is not None:
            self.merge_bases[head_sha] = f"before {head_sha}"
            self.commits[f"before {head_sha}"] = Commit(parted)
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
