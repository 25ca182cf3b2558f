"""GitHub in memory: pull requests, and commits as the files, links and submodules that they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dagbranch.domain.checkout import LINK, SUBMODULE, TreeEntry
from dagbranch.domain.environments import PullRequest
from dagbranch.errors import TransientUpstreamError, UnsafeArchiveError, UpstreamError
from local.github import File, Link, Submodule

BASE_REF, BASE_SHA = "main", "b" * 40

type Content = bytes | File | Link | Submodule


@dataclass
class Commit:
    """``archived`` is what GitHub's archive has of it instead, where attributes drop (None) or change a file."""

    files: Mapping[str, Content]
    archived: Mapping[str, bytes | None] = field(default_factory=dict)


class InMemoryGitHub:
    def __init__(self) -> None:
        self.pulls: dict[tuple[str, int], PullRequest] = {}
        self.commits: dict[str, Commit] = {BASE_SHA: Commit({})}
        self.branches = {f"refs/heads/{BASE_REF}": BASE_SHA}
        # By head: the commit that it and the base branch have in common.
        self.merge_bases: dict[str, str] = {}
        # Of too many changed files GitHub lists not all.
        self.most_listed_files = 3000
        # By login: what GitHub says that somebody may do in every repository.
        self.permissions: dict[str, str] = {}
        # By repository, where a GitHub App speaks.
        self.installations: dict[str, int] = {}
        self.down = False

    def pull_request(self, repository: str, pull_number: int) -> PullRequest | None:
        self._answer()
        return self.pulls.get((repository.lower(), pull_number))

    def open_pull_requests(self, repository: str) -> Sequence[PullRequest]:
        self._answer()
        return [pull for (name, _), pull in self.pulls.items() if name == repository.lower() and pull.is_open]

    def file(self, repository: str, ref: str, path: str) -> bytes | None:
        found = self._commit(repository, self.branches.get(ref, ref)).files.get(path)
        if isinstance(found, (Link, Submodule)):
            raise UnsafeArchiveError(f"{path} is no regular file")
        return None if found is None else _bytes(found)

    def tree(self, repository: str, head_sha: str, *folders: str) -> Mapping[str, TreeEntry]:  # noqa: ARG002 # nothing is too large here
        files = self._commit(repository, head_sha).files
        return {path: _entry(path, content) for path, content in files.items()}

    def archive(
        self,
        repository: str,
        head_sha: str,
        wanted: frozenset[str],
        *,
        most_bytes: int,
        most_ratio: int,  # noqa: ARG002 # nothing is compressed here
    ) -> Mapping[str, bytes]:
        commit = self._commit(repository, head_sha)
        regular = {path: _bytes(one) for path, one in commit.files.items() if not isinstance(one, (Link, Submodule))}
        kept = {path: content for path, content in {**regular, **commit.archived}.items() if path in wanted}
        present = {path: content for path, content in kept.items() if content is not None}
        if sum(map(len, present.values())) > most_bytes:
            raise UnsafeArchiveError(f"the packaged files have over {most_bytes} bytes")
        return present

    def blob(self, repository: str, sha: str) -> bytes:
        contents = (_bytes(one) for commit in self.commits.values() for one in commit.files.values())
        found = next((content for content in contents if git_blob_id(content) == sha), None)
        if found is None:
            raise UpstreamError(f"{repository} has no blob {sha}")
        return found

    def merge_base(self, repository: str, base_ref: str, head_sha: str) -> str | None:  # noqa: ARG002 # one base branch
        self._answer()
        return self.merge_bases.get(head_sha) if base_ref == BASE_REF else None

    def changed_paths(self, repository: str, pull_number: int) -> frozenset[str] | None:
        head_sha = self.pulls[repository.lower(), pull_number].head_sha
        after = self._commit(repository, head_sha).files
        parted = self.commits.get(self.merge_bases.get(head_sha, BASE_SHA))
        before = parted.files if parted is not None else {}
        changed = frozenset(path for path in {*before, *after} if before.get(path) != after.get(path))
        return changed if len(changed) <= self.most_listed_files else None

    def may_write(self, repository: str, login: str) -> bool:  # noqa: ARG002 # the same in every repository
        self._answer()
        return self.permissions.get(login) in {"admin", "maintain", "write"}

    def installation(self, repository: str) -> int | None:
        self._answer()
        return self.installations.get(repository.lower())

    def open(self, pull: PullRequest, files: Mapping[str, Content]) -> None:
        """The pull request, open at this commit."""
        self.pulls[pull.repository.lower(), pull.number] = pull
        self.commits[pull.head_sha] = Commit(files)

    def _commit(self, repository: str, head_sha: str) -> Commit:
        self._answer()
        if head_sha not in self.commits:
            raise UpstreamError(f"{repository} has no commit {head_sha}")
        return self.commits[head_sha]

    def _answer(self) -> None:
        if self.down:
            raise TransientUpstreamError("GitHub answered 500")


def git_blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\x00" % len(content) + content, usedforsecurity=False).hexdigest()


def _bytes(content: Content) -> bytes:
    match content:
        case Link(target):
            return target.encode()
        case File(inside):
            return inside
        case Submodule(sha):
            return sha.encode()
    return content


def _entry(path: str, content: Content) -> TreeEntry:
    match content:
        case Submodule(sha):
            return TreeEntry(path, SUBMODULE, sha, 0)
        case Link():
            mode = LINK
        case File(executable=True):
            mode = "100755"
        case _:
            mode = "100644"
    return TreeEntry(path, mode, git_blob_id(_bytes(content)), len(_bytes(content)))
