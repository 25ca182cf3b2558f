"""GitHub, read through PyGithub; the source archive is streamed past it, and only what is wanted is kept."""

from __future__ import annotations

import base64
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Final
from urllib.parse import quote

import requests
from github import Auth, Github, GithubException, GithubRetry, UnknownObjectException
from github.GitTree import GitTree
from github.PullRequest import PullRequest as ApiPullRequest
from github.Repository import Repository

from dagbranch.domain.checkout import TreeEntry
from dagbranch.domain.environments import PullRequest
from dagbranch.domain.naming import folder_prefix
from dagbranch.errors import TransientUpstreamError, UnsafeArchiveError, UpstreamError

TIMEOUT_SECONDS: Final = 15
_LONGEST_WAIT_SECONDS: Final = 20  # else GithubRetry waits for the rate limit's reset, up to an hour
_RATIO_IS_JUDGED_FROM_BYTES: Final = 1_000_000
_NO_COMMIT: Final = "No commit found for the ref"  # GitHub's word where not the file, but the commit is missing
_REGULAR: Final = frozenset({"100644", "100755", "120000", "160000"})


class PyGithubGitHub:
    """One token's view of GitHub; ``api_url`` is api.github.com or an Enterprise Server's ``/api/v3``."""

    def __init__(self, api_url: str, token: str) -> None:
        self._github = Github(
            base_url=api_url,
            auth=Auth.Token(token),
            timeout=TIMEOUT_SECONDS,
            retry=GithubRetry(
                total=3, max_rate_limit_wait=_LONGEST_WAIT_SECONDS, retry_after_max=_LONGEST_WAIT_SECONDS
            ),
            per_page=100,
            lazy=True,
            # Its own pacing, 0.25 s a request, serves people's scripts.
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def pull_request(self, repository: str, pull_number: int) -> PullRequest | None:
        with _translated(f"asking for {repository}#{pull_number}"):
            try:
                return _pull_request(self._repository(repository).get_pull(pull_number))
            except UnknownObjectException:
                return None

    def open_pull_requests(self, repository: str) -> Sequence[PullRequest]:
        with _translated(f"listing the open pull requests of {repository}"):
            return [_pull_request(pull) for pull in self._repository(repository).get_pulls(state="open")]

    def file(self, repository: str, ref: str, path: str) -> bytes | None:
        with _translated(f"reading {path} of {repository}"):
            try:
                found = self._repository(repository).get_contents(path, ref=ref)
            except UnknownObjectException as error:
                if _NO_COMMIT in str(error.data):
                    raise
                return None
            if isinstance(found, list) or found.type != "file":
                raise UnsafeArchiveError(f"{path} is no regular file")
            if found.encoding != "base64":  # GitHub shows what has over 1 MB without its content
                raise UnsafeArchiveError(f"{path} has {found.size} bytes, at most 1 MB is read")
            return found.decoded_content

    def tree(self, repository: str, head_sha: str, *folders: str) -> Mapping[str, TreeEntry]:
        with _translated(f"reading the tree of {repository}"):
            api = self._repository(repository)
            whole = api.get_git_tree(head_sha, recursive=True)
            if not whole.raw_data.get("truncated"):
                return _entries(whole, "")
            entries = _entries(api.get_git_tree(head_sha), "")
            for folder in folders:
                entries |= _subtree(api, head_sha, folder)
            return entries

    def archive(
        self, repository: str, head_sha: str, wanted: frozenset[str], *, most_bytes: int, most_ratio: int
    ) -> Mapping[str, bytes]:
        with _translated(f"fetching the archive of {repository}"):
            link = self._repository(repository).get_archive_link("tarball", head_sha)
            # The link is signed for this archive; the token is not sent along.
            with requests.get(link, stream=True, timeout=TIMEOUT_SECONDS) as answer:
                answer.raise_for_status()
                return _kept(_Counted(answer.iter_content(1 << 16)), wanted, most_bytes, most_ratio)

    def blob(self, repository: str, sha: str) -> bytes:
        with _translated(f"reading a file of {repository}"):
            return base64.b64decode(self._repository(repository).get_git_blob(sha).content)

    def merge_base(self, repository: str, base_ref: str, head_sha: str) -> str | None:
        with _translated(f"comparing {base_ref} with {head_sha[:7]} of {repository}"):
            api = self._repository(repository)
            # The first page alone carries the changed files with their patches, which can be megabytes.
            page = {"per_page": 1, "page": 2}
            place = f"{api.url}/compare/{quote(base_ref)}...{head_sha}"
            try:
                _, answer = api.requester.requestJsonAndCheck("GET", place, parameters=page)
            except UnknownObjectException:
                return None
            return str(answer["merge_base_commit"]["sha"])

    def _repository(self, repository: str) -> Repository:
        return self._github.get_repo(repository)


def _pull_request(pull: ApiPullRequest) -> PullRequest:
    head_repository = pull.head.repo
    return PullRequest(
        repository_id=pull.base.repo.id,
        repository=pull.base.repo.full_name,
        number=pull.number,
        is_open=pull.state == "open",
        is_draft=pull.draft,
        head_sha=pull.head.sha,
        head_ref=pull.head.ref,
        head_repository_id=head_repository.id if head_repository else None,
        base_ref=pull.base.ref,
        default_branch=pull.base.repo.default_branch,
    )


def _entries(tree: GitTree, prefix: str) -> dict[str, TreeEntry]:
    return {
        f"{prefix}{entry.path}": TreeEntry(f"{prefix}{entry.path}", entry.mode, entry.sha, entry.size or 0)
        for entry in tree.tree
        if entry.mode in _REGULAR
    }


def _subtree(api: Repository, head_sha: str, folder: str) -> dict[str, TreeEntry]:
    """The folder's entries, of a commit whose whole tree is too large for one answer."""
    sha, prefix = head_sha, folder_prefix(folder)
    for part in prefix.split("/")[:-1]:
        below = {entry.path: entry for entry in api.get_git_tree(sha).tree if entry.type == "tree"}
        if part not in below:
            return {}
        sha = below[part].sha
    tree = api.get_git_tree(sha, recursive=True)
    if tree.raw_data.get("truncated"):
        raise UnsafeArchiveError(
            f"{'the repository' if folder == '.' else folder} holds more files than GitHub lists in one answer: "
            "`dags` in dagbranch.yaml names the folder to package"
        )
    return _entries(tree, prefix)


class _Counted:
    """A readable stream that knows how many bytes came over the wire."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self.received_bytes = 0

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size or size < 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self.received_bytes += len(chunk)
            self._rest += chunk
        taken, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return taken


def _kept(stream: _Counted, wanted: frozenset[str], most_bytes: int, most_ratio: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    kept_bytes = 0
    with tarfile.open(fileobj=_as_file(stream), mode="r|gz") as archive:
        for member in archive:
            path = member.name.partition("/")[2]  # below GitHub's own top folder
            if not member.isreg() or path not in wanted:
                continue
            kept_bytes += member.size
            _check_bomb(kept_bytes, stream.received_bytes, most_bytes, most_ratio)
            content = archive.extractfile(member)
            assert content is not None, "a regular member has content"
            files[path] = content.read()
            if len(files) == len(wanted):
                break
    return files


def _check_bomb(kept_bytes: int, received_bytes: int, most_bytes: int, most_ratio: int) -> None:
    if kept_bytes > most_bytes:
        raise UnsafeArchiveError(f"the packaged files have over {most_bytes} bytes")
    if kept_bytes > max(_RATIO_IS_JUDGED_FROM_BYTES, most_ratio * received_bytes):
        raise UnsafeArchiveError(f"the packaged files are compressed by more than {most_ratio}: a compression bomb")


def _as_file(stream: _Counted) -> IO[bytes]:
    return stream  # type: ignore[return-value] # tarfile's stream mode only reads


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except GithubException as error:
        passes = error.status in {403, 429} and "rate limit" in str(error.data).lower()
        kind = TransientUpstreamError if passes or error.status >= 500 else UpstreamError
        message = error.data.get("message", "") if isinstance(error.data, dict) else ""
        raise kind(f"{doing}: GitHub answered {error.status} {message}") from error
    except requests.HTTPError as error:
        # Its text holds the address, and the address a signature.
        raise TransientUpstreamError(f"{doing}: GitHub answered {error.response.status_code}") from None
    except (requests.RequestException, tarfile.TarError, zlib.error, EOFError) as error:
        raise TransientUpstreamError(f"{doing}: {type(error).__name__}") from None
