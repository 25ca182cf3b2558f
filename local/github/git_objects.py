"""Commits, trees, blobs and differences of a repository, read by git and given as plain values."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from local.github.git_command import git, git_line
from local.github.git_repository import GitRepository

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_COMMIT_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


@dataclass(frozen=True)
class Signature:
    name: str
    email: str
    date: str


@dataclass(frozen=True)
class CommitObject:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True)
class TreeEntry:
    """``kind`` is git's: ``blob``, ``tree`` or ``commit`` (a submodule); only blobs have a size."""

    mode: str
    kind: str
    sha: str
    size_bytes: int | None
    path: str


@dataclass(frozen=True)
class FileChange:
    """``status`` is GitHub's word; ``sha`` is the blob's, of the old one where the file was removed."""

    status: str
    path: str
    previous_path: str | None
    sha: str
    additions: int
    deletions: int


def read_commit(repository: GitRepository, sha: str) -> CommitObject:
    """The commit ``sha``, which has to be there."""
    text = git(repository.folder, "show", "--no-patch", f"--format={_COMMIT_FORMAT}", sha, "--").decode()
    found, tree, parents, *people, message = text.split("\0")
    author, committer = Signature(*people[:3]), Signature(*people[3:])
    return CommitObject(found, tree, tuple(parents.split()), author, committer, message.rstrip("\n"))


def read_tree(repository: GitRepository, treeish: str, *, recursive: bool) -> list[TreeEntry]:
    """A tree's entries in git's order; with ``recursive`` the sub-trees' too, each after its own entry."""
    depth = ["-r", "-t"] if recursive else []
    return _tree_entries(git(repository.folder, "ls-tree", "-z", "-l", *depth, treeish))


def find_entry(repository: GitRepository, commit: str, path: str) -> TreeEntry | None:
    """What is at ``path`` in the commit, which may lead through ``..`` but not out of the repository; else None."""
    inside = posixpath.normpath(path)
    if inside.startswith(("..", "/")):
        return None
    return next(iter(_tree_entries(git(repository.folder, "ls-tree", "-z", "-l", commit, "--", inside))), None)


def blob_size_bytes(repository: GitRepository, sha: str) -> int | None:
    """The blob's size, or None where there is no blob of that sha."""
    if git_line(repository.folder, "cat-file", "-t", sha) != "blob":
        return None
    return int(git(repository.folder, "cat-file", "-s", sha))


def read_blob(repository: GitRepository, sha: str) -> bytes:
    return git(repository.folder, "cat-file", "blob", sha)


def count_commits(repository: GitRepository, base: str, head: str) -> int:
    """The commits that ``head`` has and ``base`` has not."""
    return int(git(repository.folder, "rev-list", "--count", head, f"^{base}"))


def list_commits(repository: GitRepository, base: str, head: str) -> list[str]:
    """The commits that ``head`` has and ``base`` has not, oldest first."""
    return git(repository.folder, "rev-list", "--reverse", "--topo-order", head, f"^{base}").decode().split()


def read_changes(repository: GitRepository, before: str, after: str) -> list[FileChange]:
    """What differs from one tree to the other, renames found as git finds them."""
    options = ["diff-tree", "-r", "-M", "-z"]
    counts = dict(_line_counts(git(repository.folder, *options, "--numstat", before, after)))
    raw = git(repository.folder, *options, "--raw", "--no-abbrev", before, after)
    return [
        FileChange(_STATUS[status[0]], path, previous, sha, *counts[path])
        for status, previous, path, sha in _raw_changes(raw)
    ]


def _tree_entries(listing: bytes) -> list[TreeEntry]:
    entries = []
    for line in listing.decode().split("\0")[:-1]:
        facts, path = line.split("\t", 1)
        mode, kind, sha, size = facts.split()
        entries.append(TreeEntry(mode, kind, sha, None if size == "-" else int(size), path))
    return entries


def _raw_changes(listing: bytes) -> Iterator[tuple[str, str | None, str, str]]:
    r"""Status, previous path, path and blob sha of each change: ``:100644 100644 SHA SHA R100\0old\0new\0``."""
    fields = iter(listing.decode().split("\0")[:-1])
    for facts in fields:
        _, _, old, new, status = facts.split()
        paths = list(islice(fields, 2 if status[0] in "RC" else 1))
        yield status, paths[0] if len(paths) == 2 else None, paths[-1], old if status == "D" else new


def _line_counts(listing: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    r"""Lines added and deleted by path: ``1\t2\tpath\0``, of a rename ``1\t2\t\0old\0new\0``, binary ``-``."""
    fields = iter(listing.decode().split("\0")[:-1])
    for facts in fields:
        added, deleted, path = facts.split("\t")
        if not path:
            path = list(islice(fields, 2))[1]
        yield path, (0 if added == "-" else int(added), 0 if deleted == "-" else int(deleted))
