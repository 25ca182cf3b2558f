"""One bare git repository: its branches, commits made without a working tree, merges and archives."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from local.github.entries import Changes, data, fast_import_lines
from local.github.git_command import IDENTITY, git, git_line, git_says_yes, git_stream

_SHA = re.compile(r"[0-9a-f]{40}")
_SHORT_SHA = re.compile(r"[0-9a-f]{7,40}")
_ARCHIVE_CHUNK_BYTES = 64 * 1024


class GitRepository:
    """A bare repository in ``folder``, made by ``create`` or ``fork``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, default_branch: str) -> GitRepository:
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--bare", f"--initial-branch={default_branch}")
        git(folder, "config", "gc.auto", "0")
        return cls(folder)

    def fork(self, folder: Path) -> GitRepository:
        """A copy of the branches in ``folder``; pull requests stay behind."""
        git(self.folder, "clone", "--quiet", "--bare", str(self.folder), str(folder))
        git(folder, "config", "gc.auto", "0")
        return GitRepository(folder)

    def commit(self, branch: str, changes: Changes, message: str, parent: str | None) -> str:
        """Points ``branch`` at a new commit on ``parent`` (a sha; None for a root commit) and returns its sha."""
        stream = [
            f"commit refs/heads/{branch}\ncommitter {IDENTITY} {int(time.time())} +0000\n".encode(),
            data(message.encode()),
            *([f"from {parent}\n".encode()] if parent else []),
            *fast_import_lines(changes),
            b"done\n",
        ]
        git(self.folder, "fast-import", "--quiet", "--done", "--force", stdin=b"".join(stream))
        return self.branch_sha(branch)

    def find_branch(self, branch: str) -> str | None:
        return self._find(f"refs/heads/{branch}", "commit")

    def branch_sha(self, branch: str) -> str:
        """The branch's newest commit; raises ValueError where there is no such branch."""
        sha = self.find_branch(branch)
        if sha is None:
            raise ValueError(f"no branch {branch} in {self.folder.name}")
        return sha

    def set_ref(self, ref: str, sha: str) -> None:
        git(self.folder, "update-ref", ref, sha)

    def delete_branch(self, branch: str) -> None:
        git(self.folder, "update-ref", "-d", f"refs/heads/{branch}")

    def fetch(self, other: GitRepository, branch: str, into: str) -> None:
        """Takes the commits of another repository's branch under the reference ``into``."""
        git(self.folder, "fetch", "--quiet", str(other.folder), f"+refs/heads/{branch}:{into}")

    def resolve(self, name: str, kind: str = "commit") -> str | None:
        """The sha that GitHub's API takes ``name`` for: a sha, a branch, a tag or a reference; else None.

        Revision expressions such as ``main~1`` are none of these.
        """
        if _SHA.fullmatch(name):
            return self._find(name, kind)
        names = (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name if name.startswith("refs/") else "")
        found = next((sha for candidate in names if candidate and (sha := self._find(candidate, kind))), None)
        return found or (self._find(name, kind) if _SHORT_SHA.fullmatch(name) else None)

    def is_ancestor(self, older: str, newer: str) -> bool:
        return git_says_yes(self.folder, "merge-base", "--is-ancestor", older, newer)

    def merge_base(self, base: str, head: str) -> str | None:
        return git_line(self.folder, "merge-base", base, head)

    def merges_cleanly(self, base: str, head: str) -> bool:
        return git_says_yes(self.folder, "merge-tree", "--write-tree", base, head)

    def merge(self, base: str, head: str, message: str) -> str:
        """The sha of a merge commit of the two, on no branch yet; raises GitError where they conflict."""
        tree = git(self.folder, "merge-tree", "--write-tree", base, head).decode().split("\n", 1)[0]
        made = git(self.folder, "commit-tree", tree, "-p", base, "-p", head, "-m", message)
        return made.decode().strip()

    def archive(self, sha: str, file_format: str, top_folder: str) -> Iterator[bytes]:
        """The commit as ``tar.gz`` or ``zip`` in pieces, with ``.gitattributes`` obeyed as git does."""
        process = git_stream(self.folder, "archive", f"--format={file_format}", f"--prefix={top_folder}/", sha)
        with process:
            assert process.stdout is not None
            while piece := process.stdout.read(_ARCHIVE_CHUNK_BYTES):
                yield piece
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, process.args)

    def _find(self, name: str, kind: str) -> str | None:
        return git_line(self.folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{{kind}}}")
