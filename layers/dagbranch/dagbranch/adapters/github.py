"""GitHub, read for the use cases: pull requests, files, trees and archives, each checked for what it should be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from github import GithubException, UnknownObjectException

from dagbranch.adapters.github_answers import (
    BLOB,
    CHANGED_FILES,
    COMPARISON,
    CONTENTS,
    PERMISSION,
    PULL,
    PULL_SIZE,
    PULLS,
    TREE,
    ChangedFile,
    File,
    Pull,
    Tree,
)
from dagbranch.adapters.github_api import translated
from dagbranch.adapters.github_archive import fetch_archive
from dagbranch.adapters.github_credentials import SOURCES, GitHubCredentials, Permissions
from dagbranch.domain.checkout import TreeEntry
from dagbranch.domain.environments import PullRequest
from dagbranch.domain.naming import folder_prefix
from dagbranch.errors import UnsafeArchiveError

_NO_COMMIT: Final = "No commit found for the ref"  # GitHub's word where not the file, but the commit is missing
_MOST_LISTED_FILES: Final = 3000  # docs.github.com, "List pull requests files"
_LOGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")  # with the suffix of an enterprise's managed users
_REGULAR: Final = frozenset({"100644", "100755", "120000", "160000"})


class PyGithubGitHub:
    """``api_url`` is api.github.com or an Enterprise Server's ``/api/v3``; ``secret`` a token, or a GitHub App's JSON.

    Raises ConfigurationError where the secret is neither.
    """

    def __init__(self, api_url: str, secret: str, permissions: Permissions = SOURCES) -> None:
        self._credentials = GitHubCredentials(api_url, secret, permissions)

    def pull_request(self, repository: str, pull_number: int) -> PullRequest | None:
        with translated(f"asking for {repository}#{pull_number}"):
            try:
                return _pull_request(
                    self._credentials.api(repository).ask(PULL, f"/repos/{repository}/pulls/{pull_number}")
                )
            except UnknownObjectException:
                return None

    def open_pull_requests(self, repository: str) -> Sequence[PullRequest]:
        with translated(f"listing the open pull requests of {repository}"):
            found = self._credentials.api(repository).every_page(
                PULLS, f"/repos/{repository}/pulls", state="open", sort="created", direction="asc"
            )
            return list({pull.number: _pull_request(pull) for pull in found}.values())

    def file(self, repository: str, ref: str, path: str) -> bytes | None:
        with translated(f"reading {path} of {repository}"):
            try:
                found = self._credentials.api(repository).ask(
                    CONTENTS, f"/repos/{repository}/contents/{quote(path)}", ref=ref
                )
            except UnknownObjectException as error:
                if _NO_COMMIT in str(error.data):
                    raise
                return None
            if not isinstance(found, File):
                raise UnsafeArchiveError(f"{path} is no regular file")
            if found.encoding != "base64":
                raise UnsafeArchiveError(f"{path} has {found.size} bytes, at most 1 MB is read")
            return found.content

    def tree(self, repository: str, head_sha: str, *folders: str) -> Mapping[str, TreeEntry]:
        with translated(f"reading the tree of {repository}"):
            whole = self._tree(repository, head_sha, recursive=1)
            if not whole.truncated:
                return _entries(whole, "")
            entries = _entries(self._tree(repository, head_sha), "")
            for folder in folders:
                entries |= self._subtree(repository, head_sha, folder)
            return entries

    def archive(
        self, repository: str, head_sha: str, wanted: frozenset[str], *, most_bytes: int, most_ratio: int
    ) -> Mapping[str, bytes]:
        with translated(f"fetching the archive of {repository}"):
            link = self._credentials.api(repository).redirection(f"/repos/{repository}/tarball/{head_sha}")
            return fetch_archive(link, wanted, most_bytes=most_bytes, most_ratio=most_ratio)

    def blob(self, repository: str, sha: str) -> bytes:
        with translated(f"reading a file of {repository}"):
            return self._credentials.api(repository).ask(BLOB, f"/repos/{repository}/git/blobs/{sha}").content

    def merge_base(self, repository: str, base_ref: str, head_sha: str) -> str | None:
        with translated(f"comparing {base_ref} with {head_sha[:7]} of {repository}"):
            place = f"/repos/{repository}/compare/{quote(base_ref)}...{head_sha}"
            try:
                # The first page alone carries the changed files with their patches, which can be megabytes.
                return (
                    self._credentials.api(repository).ask(COMPARISON, place, per_page=1, page=2).merge_base_commit.sha
                )
            except UnknownObjectException:
                return None

    def changed_paths(self, repository: str, pull_number: int) -> frozenset[str] | None:
        with translated(f"listing what {repository}#{pull_number} changes"):
            api, place = self._credentials.api(repository), f"/repos/{repository}/pulls/{pull_number}"
            told = api.ask(PULL_SIZE, place).changed_files
            if told > _MOST_LISTED_FILES:
                return None
            listed = api.every_page(CHANGED_FILES, f"{place}/files")
        # A push between the two questions changes what is listed.
        return _paths(listed) if len({file.filename for file in listed}) == told else None

    def may_write(self, repository: str, login: str) -> bool:
        if _LOGIN.fullmatch(login) is None:
            return False
        with translated(f"asking what {login} may do in {repository}"):
            place = f"/repos/{repository}/collaborators/{login}/permission"
            try:
                # GitHub tells `maintain`, and roles of the organization's own, as the one of these that they hold.
                return self._credentials.api(repository).ask(PERMISSION, place).permission in {"admin", "write"}
            except GithubException as error:  # PyGithub takes "… is not a user" for no unknown object
                if error.status != 404:
                    raise
                return False

    def installation(self, repository: str) -> int | None:
        with translated(f"asking for the installation that has {repository}"):
            return self._credentials.installation(repository)

    def _tree(self, repository: str, sha: str, **parameters: int) -> Tree:
        return self._credentials.api(repository).ask(TREE, f"/repos/{repository}/git/trees/{sha}", **parameters)

    def _subtree(self, repository: str, head_sha: str, folder: str) -> dict[str, TreeEntry]:
        """The folder's entries, of a commit whose whole tree is too large for one answer."""
        sha, prefix = head_sha, folder_prefix(folder)
        for part in prefix.split("/")[:-1]:
            below = {entry.path: entry for entry in self._tree(repository, sha).tree if entry.type == "tree"}
            if part not in below:
                return {}
            sha = below[part].sha
        tree = self._tree(repository, sha, recursive=1)
        if tree.truncated:
            raise UnsafeArchiveError(
                f"{'the repository' if folder == '.' else folder} holds more files than GitHub lists in one answer: "
                "`dags` in dagbranch.yaml names the folder to package"
            )
        return _entries(tree, prefix)


def _pull_request(pull: Pull) -> PullRequest:
    return PullRequest(
        repository_id=pull.base.repo.id,
        repository=pull.base.repo.full_name,
        number=pull.number,
        is_open=pull.state == "open",
        is_draft=pull.draft,
        head_sha=pull.head.sha,
        head_ref=pull.head.ref,
        head_repository_id=pull.head.repo.id if pull.head.repo else None,
        base_ref=pull.base.ref,
        default_branch=pull.base.repo.default_branch,
        labels=frozenset(label.name for label in pull.labels),
    )


def _paths(listed: Iterable[ChangedFile]) -> frozenset[str]:
    return frozenset(name for file in listed for name in (file.filename, file.previous_filename) if name is not None)


def _entries(tree: Tree, prefix: str) -> dict[str, TreeEntry]:
    return {
        f"{prefix}{entry.path}": TreeEntry(f"{prefix}{entry.path}", entry.mode, entry.sha, entry.size)
        for entry in tree.tree
        if entry.mode in _REGULAR
    }
