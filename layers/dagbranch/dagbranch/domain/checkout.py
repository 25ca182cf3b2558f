"""Which files of a commit make up its source archive, and whether what arrived is what git holds.

GitHub's archives honour ``.gitattributes``: ``export-ignore`` drops files and ``export-subst`` changes them, so
the commit's tree is the truth and the archive only the transport.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from dagbranch.domain.source_archive import Limits, check_path, check_sizes
from dagbranch.errors import UnsafeArchiveError

LINK = "120000"
SUBMODULE = "160000"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LONGEST_POINTER_BYTES = 1024


@dataclass(frozen=True)
class TreeEntry:
    """One entry of a commit's tree. ``mode`` is git's: 100644, 100755, 120000 (link), 160000 (submodule)."""

    path: str
    mode: str
    sha: str
    size_bytes: int


@dataclass(frozen=True)
class Checkout:
    """``sources``: each path of the source archive, with the regular file of the commit that it gets its bytes from."""

    sources: Mapping[str, TreeEntry]

    def wanted(self) -> frozenset[str]:
        """The paths to take from GitHub's archive."""
        return frozenset(entry.path for entry in self.sources.values())

    def missing_from(self, archived: Mapping[str, bytes]) -> list[TreeEntry]:
        """The files that the archive lacks, or has in other bytes than git."""
        entries = {entry.path: entry for entry in self.sources.values()}
        return [entry for path, entry in sorted(entries.items()) if not _is_blob(archived.get(path), entry.sha)]

    def complete(self, contents: Mapping[str, bytes]) -> dict[str, bytes]:
        """The source archive's files. Raises UnsafeArchiveError that names every LFS pointer among them."""
        files = {path: contents[entry.path] for path, entry in self.sources.items()}
        pointers = [path for path, content in sorted(files.items()) if _is_lfs_pointer(content)]
        if pointers:
            told = "a Git LFS file cannot be packaged: keep it in a bucket, or in git itself"
            raise UnsafeArchiveError("\n".join(f"{path}: {told}" for path in pointers))
        return files


def changed_paths(
    before: Mapping[str, TreeEntry], after: Checkout, targets: Mapping[str, str], keeps: Callable[[str], bool]
) -> frozenset[str] | None:
    """The paths of the source archive whose content or mode is another than in the tree before, deleted ones too.

    ``targets``: what links lead to, by their blob's sha; None where a link of before is not among them.
    """
    sources = sources_before(before, targets, keeps)
    if sources is None:
        return None
    identity = {path: (entry.sha, entry.mode) for path, entry in sources.items()}
    wanted = {path: (entry.sha, entry.mode) for path, entry in after.sources.items()}
    return frozenset(path for path in identity.keys() | wanted.keys() if identity.get(path) != wanted.get(path))


def sources_before(
    before: Mapping[str, TreeEntry], targets: Mapping[str, str], keeps: Callable[[str], bool]
) -> dict[str, TreeEntry] | None:
    """The files that an archive of the tree before would have had, by path; None as ``changed_paths`` says."""
    links = kept_links(before, keeps)
    if any(link.sha not in targets for link in links):
        return None
    sources = {path: entry for path, entry in before.items() if keeps(path) and entry.mode not in {LINK, SUBMODULE}}
    for link in links:
        with suppress(UnsafeArchiveError):  # a link that led nowhere was no file
            sources |= _followed(link.path, targets[link.sha], before)
    return sources


def kept_links(tree: Mapping[str, TreeEntry], keeps: Callable[[str], bool]) -> list[TreeEntry]:
    return [entry for path, entry in sorted(tree.items()) if entry.mode == LINK and keeps(path)]


def linked_paths(links: Iterable[TreeEntry], targets: Mapping[str, str]) -> frozenset[str]:
    """The files and folders of the repository that the links, by their blobs' targets, stand for."""
    return frozenset(posixpath.normpath(posixpath.join(posixpath.dirname(one.path), targets[one.sha])) for one in links)


def plan_checkout(
    tree: Mapping[str, TreeEntry], links: Mapping[str, str], keeps: Callable[[str], bool], limits: Limits
) -> Checkout:
    """Decides by the tree alone, before anything is downloaded. ``links`` has the target of each kept link.

    Raises UnsafeArchiveError, with all that it found, for submodules and for links that cannot be packaged.
    """
    sources = {path: entry for path, entry in tree.items() if keeps(path) and entry.mode not in {LINK, SUBMODULE}}
    faults = [
        f".gitmodules: the submodule {path} cannot be packaged"
        for path, entry in sorted(tree.items())
        if _hides(path, entry, keeps)
    ]
    for path, target in sorted(links.items()):
        try:
            sources |= _followed(path, target, tree)
        except UnsafeArchiveError as error:
            faults.append(str(error))
    if faults:
        raise UnsafeArchiveError("\n".join(faults))
    for path in sources:
        check_path(path)
    check_sizes({path: entry.size_bytes for path, entry in sources.items()}, limits)
    return Checkout(sources)


def _hides(path: str, entry: TreeEntry, keeps: Callable[[str], bool]) -> bool:
    """Whether a submodule lies where files are to be packaged, or hides the packaged folder in itself."""
    return entry.mode == SUBMODULE and (keeps(path) or keeps(f"{path}/x"))


def _followed(path: str, target: str, tree: Mapping[str, TreeEntry]) -> dict[str, TreeEntry]:
    """What a link stands for: its target's file, or all files of its target's folder."""
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if target.startswith("/") or "\x00" in target or resolved.split("/")[0] in {"..", "."}:
        raise UnsafeArchiveError(f"the link {path} → {target} leads out of the repository")
    if resolved in tree:
        found = {path: tree[resolved]}
    else:
        found = {
            f"{path}{inside.removeprefix(resolved)}": entry
            for inside, entry in tree.items()
            if inside.startswith(f"{resolved}/")
        }
    if not found:
        raise UnsafeArchiveError(f"the link {path} → {target} points to nothing in this commit")
    if any(entry.mode in {LINK, SUBMODULE} for entry in found.values()):
        raise UnsafeArchiveError(f"the link {path} → {target} points to another link or a submodule")
    return found


def _is_blob(content: bytes | None, sha: str) -> bool:
    """Whether git would give this content this id (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects)."""
    if content is None:
        return False
    return hashlib.sha1(b"blob %d\x00" % len(content) + content, usedforsecurity=False).hexdigest() == sha


def _is_lfs_pointer(content: bytes) -> bool:
    return len(content) < _LONGEST_POINTER_BYTES and content.startswith(_LFS_POINTER)
